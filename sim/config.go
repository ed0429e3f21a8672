package sim

import (
	"fmt"
	"time"
)

// Config says which world to run. Two runs of one Config are the same run.
type Config struct {
	Seed     uint64
	Members  int           // servers, from 1 to 9
	Clients  int           // at least 1
	Duration time.Duration // of the phase with faults; then everything heals and progress is demanded
	// Tell, when not nil, hears the run as a story, a sentence at a time, each with its true time.
	Tell func(at time.Duration, sentence string)
}

func (c Config) check() error {
	switch {
	case c.Members < 1 || c.Members > 9:
		return fmt.Errorf("a world has 1 to 9 servers, not %d", c.Members)
	case c.Clients < 1 || c.Clients > 1000:
		return fmt.Errorf("a world has 1 to 1000 clients, not %d", c.Clients)
	case c.Duration <= 0 || c.Duration > time.Hour:
		return fmt.Errorf("a world lasts up to an hour, not %v", c.Duration)
	}
	return nil
}

// Verdict is how a run ended.
type Verdict uint8

// Vacuous and Broken are no passes: a run that exercised nothing proves nothing, and a world that fell over judged nothing.
const (
	Pass    Verdict = iota + 1
	Unsafe          // a judge of safety fired
	Stuck           // what must come about after healing did not
	Vacuous         // nothing was granted
	Broken          // the simulator itself failed
)

func (v Verdict) String() string {
	return [...]string{"none", "pass", "unsafe", "stuck", "vacuous", "broken"}[v]
}

// Report tells what became of a run.
type Report struct {
	Seed    uint64
	Verdict Verdict
	Oracle  Oracle // which judge fired; empty on a pass
	Message string // one sentence

	Hash      uint64 // of everything that happened, in order
	Events    uint64
	Grants    uint64        // locks granted, as clients were told
	Simulated time.Duration // true time at the end
	Faults    [Faults]Count // by Fault
}

// Count is how often a fault was injected, and how often it was seen to make a difference.
type Count struct{ Injected, Observed uint64 }
