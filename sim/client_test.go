package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/schedule"
)

// A client that is to be stopped behind a renewal goes on until it has sent one. The answer waits for it, and reaches a session whose lease is over.
func TestClientStandsStillBehindItsRenewal(t *testing.T) {
	w, _ := realm(t, schedule.ClientPause)
	c := w.clients[2]
	w.runUntil(30*second, func() bool { return c.until > 0 })
	w.nemesis.plans[0] = schedule.Strike{Fault: schedule.ClientPause, Number: 1, Client: 3, Lasts: schedule.Duration(20 * second), Amount: 1}
	require.True(t, w.nemesis.strike(0))
	require.False(t, c.paused, "it has sent nothing yet")
	w.runUntil(30*second, func() bool { return c.paused })
	require.True(t, c.asks, "a renewal is under way")
	until, stopped := c.until, w.now
	w.runUntil(60*second, func() bool { return !c.paused })
	require.Equal(t, stopped+20*second, w.now)
	require.NotZero(t, w.counts[schedule.ClientPause].Observed)
	require.LessOrEqual(t, c.until, until, "what comes too late makes no lease longer")
}

// A schedule that says for how long a client is stopped, and nothing else, stops it at once.
func TestClientStandsStillAtOnce(t *testing.T) {
	w, _ := realm(t, schedule.ClientPause)
	w.runUntil(30*second, func() bool { return w.clients[2].holds() })
	for number := range uint64(8) {
		w.nemesis.plans[0] = schedule.Strike{Fault: schedule.ClientPause, Number: number + 1, Client: 3, Lasts: schedule.Duration(second)}
		require.True(t, w.nemesis.strike(0))
		require.True(t, w.clients[2].paused)
		w.clients[2].resume()
	}
}
