package linearizability

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// quiet lets a property fail without failing the test.
type quiet struct {
	rapid.TB
	failed bool
}

func (q *quiet) Helper()               {}
func (q *quiet) Name() string          { return "quiet" }
func (q *quiet) Logf(string, ...any)   {}
func (q *quiet) Log(...any)            {}
func (q *quiet) Errorf(string, ...any) { q.failed = true }
func (q *quiet) Fatalf(string, ...any) { q.failed = true }
func (q *quiet) FailNow()              { q.failed = true }
func (q *quiet) Fail()                 { q.failed = true }
func (q *quiet) Failed() bool          { return q.failed }

// chatter are operations that are right anywhere and make nothing else wrong.
var chatter = []Operation{
	checked(0, Refused), checked(99, Refused).of("b"), read(0, 0).of("b"), acquired(0).of("b").unanswered(),
	released(99, Refused), renewed(Done).in(9), {Kind: Open, Outcome: Refused}, {Kind: Acquire, Outcome: Rejected, Lock: "a"},
}

// within draws a history in which some of these operations are left out, and chatter is put in between.
func within(t *rapid.T, operations []Operation) []Operation {
	var drawn []Operation
	for i, o := range operations {
		drawn = append(drawn, rapid.SliceOfN(rapid.SampledFrom(chatter), 0, 3).Draw(t, "chatter")...)
		if rapid.Bool().Draw(t, "kept") {
			o.Client = int32(i + 1) // by which it is known again
			drawn = append(drawn, o)
		}
	}
	return append(drawn, rapid.SliceOfN(rapid.SampledFrom(chatter), 0, 3).Draw(t, "chatter")...)
}

// accused are the two operations that a history is convicted for.
func accused(h *History) (oracle Oracle, clients [2]int32) {
	v := Judge(h, plenty).Violation
	if v == nil {
		return "", clients
	}
	return v.Oracle, [2]int32{h.Operations[v.Operations[0]].Client, h.Operations[v.Operations[1]].Client}
}

// smallest is how many operations it takes to break a lock in each way.
var smallest = map[string]int{
	"a grant while the lock is held":                      2,
	"a token repeats":                                     2,
	"a token falls":                                       2,
	"a token falls between locks":                         2,
	"the token of a grant that nobody heard of falls":     3,
	"two locks are held under one token":                  2,
	"a grant without a token":                             1,
	"a grant to a session that was closed":                2,
	"an expiry before its time":                           3,
	"an expiry although the session was renewed":          4,
	"a close takes a lock back before it is called":       3,
	"a grant to a session whose renewal was refused":      2,
	"a session that expired is granted another":           2,
	"a session that was closed is granted another":        2,
	"a grant that outlives its session":                   3,
	"a stale release is accepted":                         3,
	"a token is released twice":                           3,
	"a release of what nobody was granted":                1,
	"a stale release ends another's grant":                2,
	"the holder's release is refused":                     2,
	"a check says valid after the end":                    3,
	"a check served stale, before the grant":              2,
	"a lock is told free while it is held":                2,
	"a holder is told that is none any more":              3,
	"a grant tells an older holder":                       1,
	"a release tells that nothing has changed":            1,
	"a release is refused, and tells of no holder":        2,
	"a check tells one thing and says another":            1,
	"a grant that nobody asked for":                       1,
	"an update is lost":                                   2,
	"an unanswered write is lost":                         3,
	"a lower token is accepted after a higher one":        2,
	"a lower token is accepted after a higher one's read": 2,
	"a lower token is accepted without an answer":         3,
	"a value that nobody wrote":                           1,
	"a value comes from nowhere":                          1,
	"a value is written again":                            2,
	"a value is read before it is written":                2,
	"a value is replaced before it is written":            2,
	"a write is applied twice":                            3,
}

// Of a history in which a lock is broken in one of the ways, told among much else, rapid finds what it takes: the two operations
// that contradict each other, and those without which they would not.
func TestSmallestCounterexamples(t *testing.T) {
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.checks": "2000", "rapid.seed": "1"} {
		old := flag.Lookup(name).Value.String()
		require.NoError(t, flag.Set(name, value))
		defer func() { require.NoError(t, flag.Set(name, old)) }()
	}
	require.Len(t, smallest, len(calibrations))
	for _, c := range calibrations {
		right, whole := named(c.right), named(c.broken)
		require.Equal(t, Pass, Judge(&right, plenty).Result, c.name)
		oracle, clients := accused(&whole)
		require.Equal(t, c.oracle, oracle, c.name)
		var found []Operation
		q := &quiet{}
		rapid.Check(q, func(t *rapid.T) {
			told := within(t, c.broken)
			h := tell(told)
			if by, these := accused(&h); by == oracle && these == clients {
				found = told
				t.Fatalf("broken")
			}
		})
		require.True(t, q.failed, c.name)
		h := tell(found)
		require.Len(t, found, smallest[c.name], "%s:\n%s", c.name, h.print())
		for _, o := range found {
			require.NotZero(t, o.Client, "%s: chatter was left:\n%s", c.name, h.print())
		}
	}
}

// named are operations one after the other, each its own client's.
func named(operations []Operation) History {
	h := tell(operations)
	for i := range h.Operations {
		h.Operations[i].Client = int32(i + 1)
	}
	return h
}
