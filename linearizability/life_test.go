package linearizability

import (
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (o Operation) by(client int32) Operation {
	o.Client = client
	return o
}

// An Open that is sent again finds the session that the first sending opened: it may be as old as that. But if another client sent
// the first one, or its client heard of some session since, it was another session.
func TestSessionOpenedBySeveralSendings(t *testing.T) {
	const ttl = 3 * time.Millisecond
	held := []Operation{acquired(1).in(1), acquired(2)} // a millisecond after another
	for _, story := range []struct {
		name   string
		opens  []Operation
		result Result
	}{
		{"the first sending may have opened it", []Operation{opened(ttl).unanswered(), opened(ttl)}, Pass},
		{"both were answered", []Operation{opened(ttl), opened(ttl)}, Pass},
		{"there is but one", []Operation{checked(9, Refused), opened(ttl)}, Fail},
		{"the first one was refused", []Operation{{Kind: Open, Outcome: Refused}, opened(ttl)}, Fail},
		{"another client sent the first one", []Operation{opened(ttl).unanswered().by(9), opened(ttl)}, Fail},
		{"the client had another session since", []Operation{opened(ttl).unanswered(), opened(ttl).in(7), opened(ttl)}, Fail},
		{"others had a session since", []Operation{opened(2 * ttl).unanswered(), opened(ttl).in(7).by(9), opened(ttl), opened(ttl).in(8).by(9)}, Pass},
	} {
		h := tell(append(story.opens, held...))
		v := Judge(&h, plenty)
		require.Equal(t, story.result, v.Result, "%s: %+v", story.name, v.Violation)
		slices.Reverse(h.Operations)
		require.Equal(t, story.result, Judge(&h, plenty).Result, "%s, told from its end", story.name)
	}
	// Another process sends it on, with what it takes to find the same session.
	h := tell(append([]Operation{opened(ttl + time.Millisecond).unanswered().by(9), opened(ttl + time.Millisecond), opened(ttl + time.Millisecond).by(9)}, held...))
	require.Equal(t, Pass, Judge(&h, plenty).Result)
	// The answer to the first sending came only after the second, which is over with that as well.
	h = tell(append([]Operation{opened(ttl).in(7), opened(ttl).unanswered(), opened(ttl)}, held...))
	h.Operations[0].Return = h.Operations[1].Call + 1
	require.Equal(t, Fail, Judge(&h, plenty).Result)
	// It came even after another session was opened, and that was answered.
	h = tell(append([]Operation{opened(ttl).in(7), opened(ttl).in(8), opened(ttl).unanswered(), opened(ttl)}, held...))
	h.Operations[0].Return = h.Operations[2].Call + 1
	require.Equal(t, Fail, Judge(&h, plenty).Result)
}

// The last renewal counts, wherever in the history it stands.
func TestLastRenewalCounts(t *testing.T) {
	h := tell([]Operation{opened(3 * time.Millisecond), renewed(Done), acquired(1).in(1), renewed(Done), acquired(2)})
	require.Equal(t, Fail, Judge(&h, plenty).Result)
	h.Operations[1], h.Operations[3] = h.Operations[3], h.Operations[1]
	require.Equal(t, Fail, Judge(&h, plenty).Result)
	h.Operations[3].Outcome, h.Operations[1].Outcome = Unknown, Unknown
	require.Equal(t, Pass, Judge(&h, plenty).Result)
}

// A lock may have been released by the first Release that got no answer, wherever in the history it stands.
func TestReleasesThatGotNoAnswer(t *testing.T) {
	h := tell([]Operation{acquired(1), released(1, Unknown), acquired(2), released(1, Unknown)})
	require.Equal(t, Pass, Judge(&h, plenty).Result)
	slices.Reverse(h.Operations)
	require.Equal(t, Pass, Judge(&h, plenty).Result)
}

// A session may have been closed by the first Close that may have been carried out, but by none that was not.
func TestClosesThatGotNoAnswer(t *testing.T) {
	rejected := closed()
	rejected.Outcome = Rejected
	for _, story := range []struct {
		told   []Operation
		result Result
	}{
		{[]Operation{acquired(1).in(1), rejected, acquired(2)}, Fail},
		{[]Operation{acquired(1).in(1), closed().unanswered(), acquired(2), closed()}, Pass},
		{[]Operation{acquired(1).in(1), acquired(2), closed().unanswered(), closed()}, Fail},
		{[]Operation{closed().unanswered(), acquired(1).in(1), acquired(2)}, Pass},
	} {
		h := tell(append([]Operation{opened(time.Hour)}, story.told...))
		require.Equal(t, story.result, Judge(&h, plenty).Result, "%s", h.print())
	}
}

// A lock may go to the next at the earliest legal end of its holder's session, and not a nanosecond earlier.
func TestEarliestLegalEnd(t *testing.T) {
	for _, story := range []struct {
		ttl, slack time.Duration
		drift      int64
		opened     time.Duration
		legal      time.Duration
	}{
		{10 * time.Second, 0, 0, 0, 10 * time.Second},
		{10 * time.Second, 0, 0, time.Second, 11 * time.Second},
		{10 * time.Second, time.Second, 0, time.Second, 10 * time.Second},
		{1001 * time.Second, 0, 1000, time.Second, 1001 * time.Second},
		{1001 * time.Second, time.Second, 1000, time.Second, 1000 * time.Second},
		{1999999 * time.Second, 0, 999_999, 0, 1000000 * time.Second},
	} {
		for early, result := range map[time.Duration]Result{0: Pass, 1: Fail} {
			h := tell([]Operation{opened(story.ttl), acquired(1).in(1), acquired(2)})
			h.Drift, h.Slack = story.drift, story.slack
			h.Operations[0].Called = story.opened
			h.Operations[2].Called, h.Operations[2].Returned = story.legal-early, story.legal-early
			require.Equal(t, result, Judge(&h, plenty).Result, "%+v, %d ns early", story, early)
		}
	}
}

// The true time that a fast clock takes for a duration is exact, rounded down, and does not overflow.
func TestSlowestTrueTime(t *testing.T) {
	for seed := range uint64(2000) {
		pick := seeded(seed)
		d, drift := time.Duration(pick(1<<60))>>pick(60), int64(pick(steepestDrift))
		exact := new(big.Int).Mul(big.NewInt(int64(d)), big.NewInt(1_000_000))
		exact.Quo(exact, big.NewInt(1_000_000+drift))
		require.Equal(t, exact.Int64(), int64(slowest(d, drift)), "%d ns, %d ppm", d, drift)
	}
}

// A session without a TTL, or that nobody saw opened, ends by no expiry; of two TTLs that were told the shorter one counts.
func TestLengthOfLife(t *testing.T) {
	for _, story := range []struct {
		opens  []Operation
		result Result
	}{
		{[]Operation{opened(0), renewed(Done)}, Fail},
		{[]Operation{renewed(Done), renewed(Done)}, Fail},
		{[]Operation{opened(time.Hour), opened(time.Millisecond)}, Pass},
		{[]Operation{opened(time.Millisecond), opened(time.Hour)}, Pass},
		{[]Operation{opened(time.Millisecond), opened(0)}, Pass},
		{[]Operation{opened(0), opened(time.Millisecond)}, Pass},
		{[]Operation{opened(time.Hour), renewed(Refused)}, Fail},
	} {
		h := tell(append(story.opens, acquired(1).in(1), checked(9, Refused), acquired(2)))
		require.Equal(t, story.result, Judge(&h, plenty).Result, "%+v", story.opens)
	}

	h := tell([]Operation{acquired(1).in(1), renewed(Refused)})
	require.Equal(t, Fail, Judge(&h, plenty).Result, "what was never opened can't have ended")
}
