package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/schedule"
	"lockd/sim/draw"
	"lockd/wire"
)

// Of the calls whose connection is reset under them one in four arrives all the same, once, and is no duplicate.
func TestCallsOutliveTheirConnections(t *testing.T) {
	w := newWorld(small(1))
	w.knobs.enabled = [schedule.Faults]bool{schedule.ClientReset: true}
	w.knobs.chance[schedule.ClientReset] = draw.Million
	for range 1000 {
		w.network.call(0, 1, nil)
		w.network.link(0, 1).renew()
	}
	late := 0
	for _, any := w.agenda.Next(); any; _, any = w.agenda.Next() {
		if e := w.agenda.Take(); e.kind == callsArrive {
			require.True(t, e.late)
			require.False(t, e.ghost)
			late++
		}
	}
	require.InDelta(t, 250, late, 50)
	require.EqualValues(t, 1000, w.counts[schedule.ClientReset].Injected)
}

// A member takes what comes late, though its connection is gone, and counts no duplicate.
func TestLateCallsAreTaken(t *testing.T) {
	w, leader := realm(t, schedule.ClientReset)
	frame, _ := wire.EncodeCalls(nil, []wire.Call{{ID: 7, Request: lockfsm.Open{Nonce: 7, TTL: 5 * second}}})
	gone := event{kind: callsArrive, place: int32(leader.place), number: 1000, bytes: frame}
	before := leader.lastCall
	leader.handle(gone)
	require.Equal(t, before, leader.lastCall, "what was sent on an earlier connection does not arrive")
	gone.late = true
	leader.handle(gone)
	require.Equal(t, before+1, leader.lastCall)
	require.Zero(t, w.counts[schedule.ClientGhost].Observed)
}
