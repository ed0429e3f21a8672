package linearizability

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// forger puts an operation into a right history that can't be true there, whatever else happened. To make room, events and
// tokens are spread out before.
type forger struct {
	history *History
	pick    func(int) int
}

const apart = 10

func newForger(h *History, pick func(int) int) *forger {
	for i := range h.Operations {
		o := &h.Operations[i]
		o.Call *= apart
		if o.Return != Never {
			o.Return *= apart
		}
		o.Token *= apart
		o.Current *= apart
	}
	return &forger{h, pick}
}

// grant is an Acquire of the history that was granted and is known to have been released, and that release.
type grant struct{ acquire, release int }

func (f *forger) grants() (found []grant) {
	for i, a := range f.history.Operations {
		release := slices.IndexFunc(f.history.Operations, func(r Operation) bool {
			return r.Kind == Release && r.Outcome == Done && r.Token == a.Token
		})
		if a.Kind == Acquire && a.Outcome == Done && release >= 0 && a.Return < f.history.Operations[release].Call {
			found = append(found, grant{i, release})
		}
	}
	return found
}

// add puts an operation right after an event.
func (f *forger) add(o Operation, lock string, after int) int {
	last := f.history.Operations[after]
	o.Lock, o.Client = lock, 99
	o.Call, o.Return, o.Called, o.Returned = last.Return+1, last.Return+2, last.Returned, last.Returned
	f.history.Operations = append(f.history.Operations, o)
	return len(f.history.Operations) - 1
}

// forgery breaks a history at a grant, while the lock is certainly held or after it is certainly over, and returns the
// operation that was made up. The other one at fault is one that shows the grant's token, unless others say otherwise.
type forgery struct {
	name   string
	asks   bool // it takes a lock of which every Acquire was answered
	forge  func(f *forger, g grant) int
	others func(f *forger, g grant) (lowest, highest uint64) // tokens that the other one may show
}

// accuses is whether an operation is one that can contradict a forgery.
func (y forgery) accuses(f *forger, g grant, o *Operation) bool {
	lowest, highest := f.token(g), f.token(g)
	if y.others != nil {
		lowest, highest = y.others(f, g)
	}
	within := func(token uint64) bool { return lowest <= token && token <= highest }
	if o.Kind <= Close { // the session of such a token
		return slices.ContainsFunc(f.history.Operations, func(a Operation) bool {
			return a.Kind == Acquire && a.Outcome == Done && a.Session == o.Session && a.Lock == f.lock(g) && within(a.Token)
		})
	}
	return o.Lock == f.lock(g) && (within(o.Token) || o.Tells && within(o.Current))
}

var forgeries = []forgery{
	{"a grant while held", false, func(f *forger, g grant) int { return f.while(g, acquired(f.token(g)+1)) }, nil},
	{"a token that falls", false, func(f *forger, g grant) int { return f.while(g, acquired(f.token(g)-1)) }, nil},
	{"a token that repeats", false, func(f *forger, g grant) int { return f.over(g, acquired(f.token(g))) }, nil},
	{"free while held", false, func(f *forger, g grant) int { return f.while(g, busy(0)) }, nil},
	{"not valid while held", false, func(f *forger, g grant) int { return f.while(g, checked(f.token(g), Refused)) }, nil},
	{"another's token while held", true, func(f *forger, g grant) int { return f.while(g, busy(f.another(g))) }, between},
	{"a holder's release refused", false, func(f *forger, g grant) int { return f.while(g, released(f.token(g), Refused)) }, nil},
	{"another release accepted while held", false, func(f *forger, g grant) int { return f.while(g, released(f.token(g), Done)) }, nil},
	{"released twice", false, func(f *forger, g grant) int { return f.over(g, released(f.token(g), Done)) }, nil},
	{"valid after the end", false, func(f *forger, g grant) int { return f.over(g, checked(f.token(g), Done)) }, nil},
	{"told as holder after the end", false, func(f *forger, g grant) int { return f.over(g, busy(f.token(g))) }, nil},
	{"a token that nobody asked for", true, func(f *forger, g grant) int { return f.over(g, busy(1<<40)) }, unknown},
}

// between are the tokens from the grant's to the one that is told in its place: what contradicts that may be any grant on the way.
func between(f *forger, g grant) (lowest, highest uint64) {
	a, b := f.token(g), f.another(g)
	return min(a, b), max(a, b)
}

// unknown is the token that nobody asked for: who tells of it contradicts itself.
func unknown(*forger, grant) (lowest, highest uint64) { return 1 << 40, 1 << 40 }

func (f *forger) token(g grant) uint64 { return f.history.Operations[g.acquire].Token }

func (f *forger) lock(g grant) string { return f.history.Operations[g.acquire].Lock }

func (f *forger) while(g grant, o Operation) int { return f.add(o, f.lock(g), g.acquire) }

func (f *forger) over(g grant, o Operation) int { return f.add(o, f.lock(g), g.release) }

// another is a token of the same lock that was granted at another time, or else one that nobody asked for.
func (f *forger) another(g grant) uint64 {
	for _, o := range f.history.Operations {
		if o.Kind == Acquire && o.Outcome == Done && o.Lock == f.lock(g) && o.Token != f.token(g) {
			return o.Token
		}
	}
	return 1 << 40
}

// unasked is whether a token could not belong to any Acquire of the lock that got no answer.
func (f *forger) unasked(lock string) bool {
	return !slices.ContainsFunc(f.history.Operations, func(o Operation) bool {
		return o.Lock == lock && o.Kind == Acquire && o.Outcome == Unknown
	})
}

// blamed checks that a violation names the operation that was made up, and one that was over before it or came after it.
func blamed(t *testing.T, h *History, v *Violation, fault int, context string) (other *Operation) {
	require.Contains(t, v.Operations, fault, "%s: %s", context, v.Message)
	a, b := &h.Operations[v.Operations[0]], &h.Operations[v.Operations[1]]
	require.True(t, a == b || a.Return < b.Call || b.Return < a.Call, "%s: they overlap: %s", context, v.Message)
	if v.Operations[0] == fault {
		return b
	}
	return a
}

// Ten thousand random histories, every other one broken by hand. The judges agree on each; the right ones pass, and for the
// broken ones the two operations are named that contradict each other: the one that was made up, and one that shows why it can't be.
func TestTenThousandHistories(t *testing.T) {
	broken := map[string]int{}
	for seed := range uint64(10_000) {
		pick := seeded(seed)
		h := randomHistory(pick, 5, 2, 50)
		f := newForger(&h, pick)
		for seed%2 == 1 && len(f.grants()) == 0 {
			h = randomHistory(pick, 5, 2, 50)
			f = newForger(&h, pick)
		}
		if seed%2 == 0 {
			require.Equal(t, Pass, Judge(&h, plenty).Result, "seed %d", seed)
			continue
		}
		grants := f.grants()
		g := grants[pick(len(grants))]
		chosen := forgeries[pick(len(forgeries))]
		if chosen.asks && !f.unasked(f.lock(g)) {
			chosen = forgeries[0]
		}
		fault := chosen.forge(f, g)
		broken[chosen.name]++
		verdict := Judge(&h, plenty)
		require.Equal(t, Fail, verdict.Result, "seed %d: %s", seed, chosen.name)
		require.NotEqual(t, JudgesDisagree, verdict.Violation.Oracle, "seed %d: %s", seed, verdict.Violation.Message)
		context := fmt.Sprintf("seed %d: %s", seed, chosen.name)
		swept, searched := Sweep(&h), Porcupine(&h, plenty)
		require.Equal(t, Fail, searched.Result, "%s: porcupine", context)
		require.Equal(t, Fail, swept.Result, "%s: the sweep", context)
		blamed(t, &h, verdict.Violation, fault, context)
		other := blamed(t, &h, swept.Violation, fault, context)
		require.True(t, chosen.accuses(f, g, other), "%s: %s", context, swept.Violation.Message)
	}
	for _, f := range forgeries {
		require.Greater(t, broken[f.name], 50, f.name)
	}
}
