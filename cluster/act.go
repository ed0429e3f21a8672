package cluster

import (
	"time"

	"lockd/linearizability"
)

// act is an operation as its client tells of it. Its times are those of the machine's monotonic clock, which is one for all processes.
type act struct {
	Number   uint64                  `json:"number,omitempty"` // of the telling process; zero: it was not told of when it began
	Kind     linearizability.Kind    `json:"kind"`
	Outcome  linearizability.Outcome `json:"outcome,omitempty"`
	Client   int32                   `json:"client"`
	Lock     string                  `json:"lock,omitempty"`
	Session  uint64                  `json:"session,omitempty"`
	Token    uint64                  `json:"token,omitempty"`
	Place    uint64                  `json:"place,omitempty"` // of a granted Acquire in the queue
	Current  uint64                  `json:"current,omitempty"`
	Tells    bool                    `json:"tells,omitempty"`
	Revision uint64                  `json:"revision,omitempty"`
	Value    uint64                  `json:"value,omitempty"`
	Base     uint64                  `json:"base,omitempty"`
	TTL      time.Duration           `json:"ttl,omitempty"`
	Called   time.Duration           `json:"called"`
	Returned time.Duration           `json:"returned,omitempty"` // zero: no answer yet
}

// word is a line that a crew writes: exactly one of these is there.
type word struct {
	Act    *act   `json:"act,omitempty"`    // has begun, or is over
	Early  string `json:"early,omitempty"`  // a sentence about a session that was ended before its time
	Served int    `json:"served,omitempty"` // the client that was served after everything had healed
}

// operation is the act for the judges. Where it stands among all others is for the chronicle to say.
func (a *act) operation() linearizability.Operation {
	return linearizability.Operation{
		Kind: a.Kind, Outcome: a.Outcome, Client: a.Client, Lock: a.Lock, Session: a.Session, Token: a.Token, Current: a.Current,
		Tells: a.Tells, Revision: a.Revision, Value: a.Value, Base: a.Base, TTL: a.TTL, Called: a.Called, Returned: a.Returned,
		Return: linearizability.Never,
	}
}
