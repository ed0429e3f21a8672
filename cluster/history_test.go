package cluster

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Each way in which a history can be wrong, made by hand, beside the good one it was made from.
func TestTheJudgeSeesWhatMustNeverHappen(t *testing.T) {
	good := []Hold{
		{Lock: "a", Client: 1, Token: 1, Place: 10, Granted: 1 * time.Second, Released: 2 * time.Second},
		{Lock: "b", Client: 3, Token: 2, Place: 11, Granted: 1 * time.Second, Released: 9 * time.Second},
		{Lock: "a", Client: 2, Token: 3, Place: 12, Granted: 2 * time.Second, Released: 3 * time.Second},
	}
	require.Empty(t, judge(good).Violations)
	require.Equal(t, 2, judge(good).Locks)
	for _, bad := range []struct {
		sentence string
		spoil    func(*Hold)
	}{
		{"token 1 was given twice", func(h *Hold) { h.Token = 1 }},
		{"without a token", func(h *Hold) { h.Token = 0 }},
		{"two held", func(h *Hold) { h.Granted = 1500 * time.Millisecond }},
		{"out of order", func(h *Hold) { h.Place = 9 }},
		{"was lost: stale", func(h *Hold) { h.Trouble = errors.New("stale token") }},
	} {
		holds := append([]Hold(nil), good...)
		bad.spoil(&holds[2])
		found := judge(holds).Violations
		require.NotEmpty(t, found, bad.sentence)
		require.Contains(t, found[0], bad.sentence)
	}
}

func TestALostSessionIsAViolation(t *testing.T) {
	h := NewHistory()
	h.Lost(7, errors.New("the session is lost"))
	require.Contains(t, h.Judge().Violations[0], "client 7")
}

func judge(holds []Hold) Verdict {
	h := NewHistory()
	for _, hold := range holds {
		h.Add(hold)
	}
	return h.Judge()
}
