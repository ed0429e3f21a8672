package schedule

import "time"

// Schedule is a run: what world it is, and everything that goes wrong in it.
type Schedule struct {
	Seed     uint64   `json:"seed"`
	Profile  string   `json:"profile"`
	Nodes    int      `json:"nodes"`
	Clients  int      `json:"clients"`
	Duration Duration `json:"duration"`
	// Oracle is which judge fired when the schedule was written; empty: none. A replay says whether it fires again.
	Oracle string `json:"oracle,omitempty"`
	// Faults are all that go wrong. A world that is given a schedule has these, and no others.
	Faults []Strike `json:"faults"`
}

// Strike is one fault that comes about.
//
// There are two sorts. An attack comes at an instant: At, and for as long as Lasts, to the Server or Client that it names. An
// accident befalls something that happens anyway, such as a message: the Number counts these at its Place, and At only says
// when it was. What an attack does not say it draws, from a stream that its fault, place and number name; so one strike fewer
// changes nothing in the others.
type Strike struct {
	Fault  Fault  `json:"fault"`
	Place  string `json:"place,omitempty"` // accidents: "s1", "c4", "s1>s2", "c4>s1"
	Number uint64 `json:"number"`          // from 1

	At     Duration `json:"at"`
	Lasts  Duration `json:"lasts,omitempty"`
	Server int      `json:"server,omitempty"` // attacks: from 1
	Client int      `json:"client,omitempty"` // attacks: from 1
	// Cut are the directions that a partition kills, as "s1>s2" or "c4>s1".
	Cut []string `json:"cut,omitempty"`
	// Amount is what else there is to say of the fault: parts in a million of a clock's rate, a jump's nanoseconds, bytes.
	Amount int64 `json:"amount,omitempty"`
}

// Duration is a time.Duration that is written as text, such as "1.5s".
type Duration time.Duration
