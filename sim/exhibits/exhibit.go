package exhibits

import "time"

// Harm is what a judge of an exhibit finds.
type Harm string

// The kinds of harm.
const (
	None           Harm = ""
	LostUpdate     Harm = "lost update"
	TwoHolders     Harm = "two holders"
	HolderRefused  Harm = "rightful holder refused"
	BlockedForEver Harm = "blocked for ever"
	EncodedTwice   Harm = "chunk encoded twice"
)

// Outcome is how a performance ended.
type Outcome struct {
	Harm    Harm
	Message string        // one sentence; empty without harm
	At      time.Duration // true time of the harm
	Work    int           // how much was done under the lock; a performance without any shows nothing
}

// Exhibit is a design that people try, and the fault that breaks it.
type Exhibit struct {
	Name, Title string
	Design      string // what people try, and why it looks right
	Fault       string // what happens to it
	Lesson      string

	Harm   Harm   // what the fault does
	Seed   uint64 // of the performance that is told
	Breaks int    // how many of the seeds from 0 to 999 end in this harm
	Mends  bool   // whether it can be played with what it lacked; few designs can be mended in their own world

	lasts time.Duration // of a performance, unless there is harm before
	play  func(*stage)
	twin  twin
}

// All lists the exhibits.
func All() []Exhibit {
	return []Exhibit{
		ttlWithoutFencing, heartbeatsWithoutFencing, timestampsAsTokens, quorumWithoutConsensus,
		redlockWithClockJump, videoQueue, releaseWithoutToken,
	}
}

// Run tells the performance in which the fault breaks the design.
func (e Exhibit) Run(tell Tell) Outcome { return e.Play(e.Seed, true, tell) }

// Play performs any seed, with the fault or without.
func (e Exhibit) Play(seed uint64, fault bool, tell Tell) Outcome {
	return e.perform(newStage(seed, fault, false, tell))
}

// Mended tells the same seed with the same fault, with what the design lacked put into it. Only for an exhibit that Mends.
func (e Exhibit) Mended(tell Tell) Outcome { return e.perform(newStage(e.Seed, true, true, tell)) }

func (e Exhibit) perform(s *stage) Outcome {
	defer s.curtain()
	e.play(s)
	s.perform(e.lasts)
	return s.outcome
}
