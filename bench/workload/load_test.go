package workload

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Time stands still in these tests unless everybody waits, so that figures come out exactly.

func TestPairsAreCountedOncePerPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{acquiring: 3 * time.Millisecond, releasing: time.Millisecond}
		figures, err := Pairs(context.Background(), f.cluster(), 10, 4*time.Second)
		require.NoError(t, err)
		require.InDelta(t, 10*1000/4, figures[PairsPerSecond], 10, "ten clients, four milliseconds for each pair")
		require.Equal(t, 4.0, figures[P50])
		require.Equal(t, 4.0, figures[P99])
		require.Zero(t, figures[CPU], "no process runs")
		require.Equal(t, 10, f.opened)
		require.Equal(t, 10, f.closed, "nobody is left to burden who comes next")
	})
}

func TestHandOversAreCountedFromReleaseToTheNextGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{acquiring: time.Microsecond, releasing: 2 * time.Millisecond}
		figures, err := Queue(context.Background(), f.cluster(), 5, 4*time.Second)
		require.NoError(t, err)
		require.InDelta(t, 500, figures[HandOversPerSecond], 1)
		require.Equal(t, 2.0, figures[P50], "what the release takes; everybody else waits already")
	})
}

func TestALockThatItsHolderGetsAgainIsNoHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{acquiring: time.Millisecond, releasing: time.Millisecond}
		_, err := Queue(context.Background(), f.cluster(), 1, time.Second)
		require.EqualError(t, err, "fake did nothing in 1s")
	})
}

func TestOneClientThatFailsSpoilsTheFigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{acquiring: time.Millisecond, releasing: time.Millisecond, breaks: "own-3"}
		_, err := Pairs(context.Background(), f.cluster(), 5, time.Second)
		require.ErrorIs(t, err, errBroken)
		require.ErrorContains(t, err, "fake: ")
	})
}

func TestALoadThatComesToNothingIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{acquiring: time.Hour}
		_, err := Pairs(context.Background(), f.cluster(), 1, time.Second)
		require.EqualError(t, err, "fake did nothing in 1s")
	})
}

func TestAGrabTellsWhenItWasGrantedThoughItsReleaseFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{acquiring: 5 * time.Millisecond, releasing: time.Millisecond, breaks: "mine"}
		crew, err := f.cluster().Connect(context.Background(), 1)
		require.NoError(t, err)
		began := time.Now()
		granted, err := grab(context.Background(), crew.Sessions[0].Mutex("mine"))
		require.ErrorIs(t, err, errBroken)
		require.Equal(t, 5*time.Millisecond, granted.Sub(began))

		_, err = grab(context.Background(), crew.Sessions[0].Mutex("mine"))
		require.ErrorIs(t, err, context.DeadlineExceeded, "it is held for ever: the attempt ends")
	})
}
