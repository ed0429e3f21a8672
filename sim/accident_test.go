package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/schedule"
	"lockd/sim/draw"
)

// An accident happens about as often as its chance says, and each occasion is a draw of its own.
func TestAccidentsHappenByChance(t *testing.T) {
	w := newWorld(small(1))
	w.knobs.enabled[schedule.Loss], w.knobs.chance[schedule.Loss] = true, draw.Million/10
	count := func(from, to int) (struck int) {
		s := w.site(schedule.Loss, from, to)
		for range 10_000 {
			if s.strikes() {
				struck++
			}
		}
		return struck
	}
	require.InDelta(t, 1000, count(0, 1), 100)
	require.Equal(t, count(0, 1), count(0, 1))
	require.NotEqual(t, count(0, 1), count(1, 0))
}

// Of a schedule exactly those accidents happen that it names.
func TestScheduleNamesAccidents(t *testing.T) {
	config := small(1)
	config.Schedule = &schedule.Schedule{Faults: []schedule.Strike{{Fault: schedule.Loss, Place: "s1>s2", Number: 3}, {Fault: schedule.Stray, Place: "c2", Number: 1}}}
	w := newWorld(config)
	loss, other := w.site(schedule.Loss, 0, 1), w.site(schedule.Loss, 1, 0)
	var struck []bool
	for range 4 {
		struck = append(struck, loss.strikes())
		require.False(t, other.strikes())
	}
	require.Equal(t, []bool{false, false, true, false}, struck)
	stray := w.site(schedule.Stray, 6, nowhere)
	require.True(t, stray.strikes())
	require.False(t, stray.strikes())
}

// Places are written as they are read.
func TestPlacesAreWrittenAsTheyAreRead(t *testing.T) {
	w := newWorld(small(1))
	for _, text := range []string{"s1", "s5", "c1", "c8", "s1>s5", "c3>s2", "s2>c8"} {
		from, to, err := w.parsePlace(text)
		require.NoError(t, err)
		require.Equal(t, text, w.placeText(from, to))
	}
	for _, text := range []string{"", "s", "s0", "s6", "c9", "x1", "s1>", "1", "s1>s9"} {
		_, _, err := w.parsePlace(text)
		require.Error(t, err, text)
	}
}

// A strike at a client that is down does nothing, and does not count.
func TestWhoIsDownIsNotStruck(t *testing.T) {
	w, _ := realm(t, schedule.ClientCrash)
	c := w.clients[0]
	w.runUntil(w.now+second, c.awake)
	crash := func() bool {
		w.nemesis.plans[0] = schedule.Strike{Fault: schedule.ClientCrash, Client: 1}
		return w.nemesis.strike(0)
	}
	require.True(t, crash())
	require.False(t, c.awake())
	boot := c.boot
	require.False(t, crash())
	require.Equal(t, boot, c.boot)
	require.EqualValues(t, 1, w.counts[schedule.ClientCrash].Injected)
	require.EqualValues(t, 1, w.counts[schedule.ClientCrash].Observed)
}
