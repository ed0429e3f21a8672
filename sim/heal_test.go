package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// However those who do not heal stay broken, the majority serves everybody. The judge would say so otherwise.
func TestTheMajorityServesEverybody(t *testing.T) {
	broken := map[ailment]bool{}
	for seed := range uint64(40) {
		config := small(seed)
		config.Profile, config.Duration = Default, second
		w := newWorld(config)
		w.begin()
		w.runUntil(config.Duration, func() bool { return false })
		w.nemesis.heal()
		core := 0
		for _, m := range w.members {
			if m.core {
				core++
				require.False(t, m.paused)
			}
		}
		require.GreaterOrEqual(t, core, 3)
		for _, m := range w.members {
			if !m.core {
				broken[w.ailment(m)] = true
			}
		}
		w.runUntil(config.Duration+patience, w.served)
		require.True(t, w.served(), w.unserved())
	}
	require.Len(t, broken, int(ailments))
}

// ailment tells what keeps a member from being of use.
func (w *world) ailment(m *member) ailment {
	other := (m.place + 1) % len(w.members)
	hears := w.network.cut[other*w.network.places+m.place] == 0
	heard := w.network.cut[m.place*w.network.places+other] == 0
	switch {
	case !m.up():
		return down
	case m.paused:
		return standing
	case !hears && !heard:
		return isolated
	case !hears:
		return deaf
	}
	return mute
}
