package exhibits

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/sim"
)

// Under the same faults lockd comes to no harm, and the faults are felt.
func TestTwinSurvives(t *testing.T) {
	each(t, func(t *testing.T, e Exhibit) {
		var last time.Duration
		var sentences []string
		report, err := e.Twin(func(at time.Duration, sentence string) {
			require.GreaterOrEqual(t, at, last)
			last, sentences = at, append(sentences, sentence)
		})
		require.NoError(t, err)
		require.Equal(t, sim.Pass, report.Verdict)
		require.NotZero(t, report.Grants)
		require.LessOrEqual(t, len(sentences), 25, "nobody reads a longer story")
		require.Contains(t, strings.Join(sentences, "\n"), " holds lock ")
	})
}

// A twin without its faults proves nothing, and says so.
func TestTwinWithoutFaultsFails(t *testing.T) {
	good := sim.Report{Verdict: sim.Pass, Grants: 1}
	for _, e := range All() {
		if len(e.twin.proof) > 0 {
			require.ErrorContains(t, e.twin.examine(good, nil), "it did not come about that "+e.twin.proof[0])
		}
	}
	blows := serversWhoseClocksJump.plan(nil)
	require.ErrorContains(t, serversWhoseClocksJump.examine(good, blows), "clock-jump made no difference")
	require.ErrorContains(t, twin{}.examine(sim.Report{Verdict: sim.Pass}, nil), "granted no lock")
	bad := sim.Report{Verdict: sim.Unsafe, Oracle: sim.Exclusion, Message: "two hold it"}
	require.ErrorContains(t, twin{}.examine(bad, nil), "two hold it")
}

// A holder that was stopped is told of in full: its grant, the next one, its waking up, and what the file says to it.
func TestStoryOfAStoppedHolder(t *testing.T) {
	var told []string
	_, err := ttlWithoutFencing.Twin(func(_ time.Duration, sentence string) { told = append(told, sentence) })
	require.NoError(t, err)
	story := strings.Join(told, "\n")
	require.Regexp(t, `(?s)holds lock \w, with token.*stands still.*holds lock.*goes on.*lost its session.*is refused`, story)
}
