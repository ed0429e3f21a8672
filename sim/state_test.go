package sim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The table keeps its columns behind a server that is down.
func TestStateHasColumns(t *testing.T) {
	w := newWorld(Config{Seed: 1, Profile: Calm, Members: 3, Clients: 1, Duration: second})
	w.begin()
	w.runUntil(second, func() bool { return false })
	w.members[1].kill(second)
	rows := strings.Split(w.state(), "\n")[1:5]
	require.Contains(t, rows[2], "down")
	machine := strings.Index(rows[0], "machine")
	for _, row := range []string{rows[1], rows[3]} {
		require.Greater(t, len(row), machine)
		require.NotContains(t, row[machine:], " ")
		require.Len(t, row[machine:], 16, "the digest stands under its name")
	}
}
