package sim

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/schedule"
	"lockd/sim/disk"
	"lockd/wal"
)

// A bit turns over in a snapshot of a running member, or in a sealed segment. It finds that, replaces the file, and reads a sound disk after
// a restart.
func TestRotAtRestIsReplacedBeforeItIsRead(t *testing.T) {
	for name, found := range map[string]probe{"0000000000000001.segment": segmentScrubbed, "snapshot-0000000000000001": snapshotScrubbed} {
		w := newWorld(small(1))
		w.knobs.enabled = [schedule.Faults]bool{}
		w.knobs.snapshotBytes, w.knobs.scrub = 1<<30, second
		w.begin()
		m := w.members[slices.Index(w.atlas(), true)]
		w.runUntil(30*second, func() bool { return len(m.segments()) > 4 })
		m.disk.FlipBit(name, 900)
		m.rotten = append(m.rotten, name)
		w.runUntil(w.now+20*second, func() bool { return !m.damaged() })
		require.False(t, m.damaged())
		require.EqualValues(t, 1, w.probes[found])
		require.EqualValues(t, 1, w.probes[rotHealed])
		require.Zero(t, m.disk.Size(name))
		w.losesPower(m)
		require.True(t, m.up(), m.lost)
		require.False(t, m.convalescent())
		require.Zero(t, w.probes[logDamaged])
	}
}

// The judge of scrubs knows what has rotted: it believes in no damage that it did not do, demands what a pass has to find, and looks itself
// at what is called replaced.
func TestScrubsAreJudged(t *testing.T) {
	_, m := luckless(t)
	name := "snapshot-0000000000000001"
	found := &wal.DamageError{File: name}
	require.Equal(t, Scrubbing, fires(func() { m.finds(found) }), "nothing was destroyed")
	require.Equal(t, Scrubbing, fires(func() { m.finds(disk.ErrHalted) }), "nor is it unreadable")

	m.disk.FlipBit(name, 100)
	m.rotten = append(m.rotten, name)
	m.scrubber.due = m.rottenAtRest()
	require.Len(t, m.scrubber.due, 1)
	require.Equal(t, Scrubbing, fires(m.passed), "it was there to be found")
	require.Empty(t, fires(func() { m.finds(found) }))
	require.Empty(t, fires(m.passed))
	require.Equal(t, []patient{m.patient(name)}, m.scrubber.ill)
	m.scrubber.healed = 1 // the log has replaced nothing, and it is as if it said otherwise
	require.Equal(t, Scrubbing, fires(m.noteHealed))
	require.True(t, strings.HasPrefix(m.rotten[0], "snapshot"))
}
