package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Hold is one grant as its client saw it. Times are of the trial's own clock.
type Hold struct {
	Lock    string
	Client  int
	Token   uint64
	Place   uint64 // of its Acquire in the log, and so in the queue
	Granted time.Duration
	// Released is when its client began to give it back. From then on somebody else may hold the lock.
	Released time.Duration
	// Trouble is what the client was told when it gave the lock back, if anything went wrong.
	Trouble error
}

// History gathers what the clients of a trial saw.
type History struct {
	start time.Time
	mutex sync.Mutex // guards what follows
	holds []Hold
	lost  []string // sessions that ended though their clients lived
}

// NewHistory starts the clock.
func NewHistory() *History { return &History{start: time.Now()} }

// Now is the trial's clock.
func (h *History) Now() time.Duration { return time.Since(h.start) }

// Add notes a hold that is over.
func (h *History) Add(hold Hold) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.holds = append(h.holds, hold)
}

// Lost notes a session that ended though its client lived.
func (h *History) Lost(client int, why error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.lost = append(h.lost, fmt.Sprintf("client %d, at %v: %v", client, h.Now(), why))
}

// Grants is how many grants were seen so far.
func (h *History) Grants() int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return len(h.holds)
}

// Verdict is what a history amounts to.
type Verdict struct {
	Grants, Locks int
	// Violations are sentences, each about one thing that must never happen.
	Violations []string
}

// Judge looks for everything that must never happen. It needs no help from the servers:
// tokens order the grants of a lock, places order those who waited for it.
func (h *History) Judge() Verdict {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	v := Verdict{Grants: len(h.holds)}
	for _, lost := range h.lost {
		v.note("a session was lost though its client lived: %s", lost)
	}
	byToken := slices.SortedFunc(slices.Values(h.holds), func(a, b Hold) int { return cmp.Compare(a.Token, b.Token) })
	last := map[string]Hold{}
	for i, hold := range byToken {
		if i > 0 && byToken[i-1].Token == hold.Token {
			v.note("token %d was given twice: for %q to client %d, and for %q to client %d", hold.Token,
				byToken[i-1].Lock, byToken[i-1].Client, hold.Lock, hold.Client)
		}
		if hold.Token == 0 {
			v.note("client %d was granted %q without a token", hold.Client, hold.Lock)
		}
		if hold.Trouble != nil {
			v.note("the grant of %q with token %d to client %d was lost: %v", hold.Lock, hold.Token, hold.Client, hold.Trouble)
		}
		if before, ok := last[hold.Lock]; ok {
			v.succession(before, hold)
		}
		last[hold.Lock] = hold
	}
	v.Locks = len(last)
	return v
}

// succession judges two grants of one lock that follow each other by token.
func (v *Verdict) succession(before, after Hold) {
	if after.Granted < before.Released {
		v.note("two held %q: token %d was granted to client %d at %v, but client %d held it with token %d until %v",
			after.Lock, after.Token, after.Client, after.Granted, before.Client, before.Token, before.Released)
	}
	if after.Place <= before.Place {
		v.note("%q was served out of order: place %d of client %d after place %d of client %d",
			after.Lock, after.Place, after.Client, before.Place, before.Client)
	}
}

func (v *Verdict) note(sentence string, args ...any) {
	v.Violations = append(v.Violations, fmt.Sprintf(sentence, args...))
}
