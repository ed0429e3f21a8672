package linearizability

import (
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
// operation that is at fault.
type forgery struct {
	name  string
	asks  bool // it takes a lock of which every Acquire was answered
	forge func(f *forger, g grant) int
}

var forgeries = []forgery{
	{"a grant while held", false, func(f *forger, g grant) int { return f.while(g, acquired(f.token(g)+1)) }},
	{"a token that falls", false, func(f *forger, g grant) int { return f.while(g, acquired(f.token(g)-1)) }},
	{"a token that repeats", false, func(f *forger, g grant) int { return f.over(g, acquired(f.token(g))) }},
	{"free while held", false, func(f *forger, g grant) int { return f.while(g, busy(0)) }},
	{"not valid while held", false, func(f *forger, g grant) int { return f.while(g, checked(f.token(g), Refused)) }},
	{"another's token while held", true, func(f *forger, g grant) int { return f.while(g, busy(f.another(g))) }},
	{"a holder's release refused", false, func(f *forger, g grant) int { return f.while(g, released(f.token(g), Refused)) }},
	{"another release accepted while held", false, func(f *forger, g grant) int { return f.while(g, released(f.token(g), Done)) }},
	{"released twice", false, func(f *forger, g grant) int { return f.over(g, released(f.token(g), Done)) }},
	{"valid after the end", false, func(f *forger, g grant) int { return f.over(g, checked(f.token(g), Done)) }},
	{"told as holder after the end", false, func(f *forger, g grant) int { return f.over(g, busy(f.token(g))) }},
	{"a token that nobody asked for", true, func(f *forger, g grant) int { return f.over(g, busy(1<<40)) }},
}

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

// Ten thousand random histories, every other one broken by hand. The judges agree on each; the right ones pass, and for the
// broken ones the sweep names the operation that was made up.
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
		swept, searched := Sweep(&h), Porcupine(&h, plenty)
		require.Equal(t, Fail, searched.Result, "seed %d: %s: porcupine", seed, chosen.name)
		require.Equal(t, Fail, swept.Result, "seed %d: %s: the sweep", seed, chosen.name)
		require.Contains(t, swept.Violation.Operations, fault, "seed %d: %s: %s", seed, chosen.name, swept.Violation.Message)
	}
	for _, f := range forgeries {
		require.Greater(t, broken[f.name], 50, f.name)
	}
}
