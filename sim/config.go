package sim

import (
	"fmt"
	"slices"
	"time"

	"lockd/linearizability"
	"lockd/schedule"
)

// Config says which world to run. Two runs of one Config are the same run.
type Config struct {
	Seed     uint64
	Profile  string        // one of Profiles
	Members  int           // servers, from 1 to 9
	Clients  int           // at least 1
	Duration time.Duration // of the phase with faults; then a majority heals and progress is demanded

	// Judge, when not empty, is the only judge that is heard, beside the product's own assertions: it shows what that judge finds by itself.
	Judge Oracle

	// Schedule, when not nil, has the faults of the run: these, and no others. The seed draws everything else.
	Schedule *schedule.Schedule
	Record   bool // gather Report.Strikes
	History  bool // gather Report.History
	// Until, when not zero, ends the run after so many events, and has Report.State say how everybody stands.
	Until uint64
	// Tell, when not nil, hears the run as a story, a sentence at a time, each with its true time.
	Tell func(at time.Duration, sentence string)
}

func (c Config) check() error {
	switch {
	case c.Members < 1 || c.Members > 9:
		return fmt.Errorf("a world has 1 to 9 servers, not %d", c.Members)
	case c.Clients < 1 || c.Clients > 1000:
		return fmt.Errorf("a world has 1 to 1000 clients, not %d", c.Clients)
	case c.Profile != "" && !slices.ContainsFunc(Profiles(), func(p Profile) bool { return p.Name == c.Profile }):
		return fmt.Errorf("there is no profile %q", c.Profile)
	case c.Judge != "" && !slices.Contains(Judges, c.Judge):
		return fmt.Errorf("there is no judge %q", c.Judge)
	case c.Duration <= 0 || c.Duration > time.Hour:
		return fmt.Errorf("a world lasts up to an hour, not %v", c.Duration)
	}
	return nil
}

// Verdict is how a run ended.
type Verdict uint8

// Only Pass is a pass: a run that exercised nothing proves nothing, a judge that ran out of steps has not judged, and a world that
// fell over even less.
const (
	Pass    Verdict = iota + 1
	Unsafe          // a judge of safety fired
	Stuck           // what must come about after healing did not
	Vacuous         // nothing was granted, or what should have gone wrong did not
	Unknown         // a judge could not come to an end
	Broken          // the simulator itself failed
)

func (v Verdict) String() string {
	return [...]string{"none", "pass", "unsafe", "stuck", "vacuous", "unknown", "broken"}[v]
}

// Report tells what became of a run.
type Report struct {
	Seed    uint64
	Verdict Verdict
	Oracle  Oracle // which judge fired; empty on a pass
	Message string // one sentence

	Hash       uint64 // of everything that happened, in order
	Events     uint64
	Operations uint64 // calls of clients
	Grants     uint64 // locks granted, as clients were told
	Releases   uint64 // and given back
	Contended  uint64 // grants of locks that several clients want
	Simulated  time.Duration
	Faults     [schedule.Faults]Count
	Probes     []Probe

	Strikes []schedule.Strike       // when asked to Record
	History linearizability.History // when asked for
	State   string                  // when told where to end
}

// Count is how often a fault was injected, and how often it was seen to make a difference.
type Count struct{ Injected, Observed uint64 }

// Probe is how often something happened that must happen in some run, or the runs say nothing about it.
type Probe struct {
	Name string
	Hits uint64
}
