package growth

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/bench/service"
)

var bounds = []string{"0.001", "0.005", "0.01", "0.025", "0.05"}

// turns is how a histogram of the loop has risen: as many turns as stand at the bounds, each below that bound and above the one before.
func turns(counts map[string]float64, beyond float64) service.Metrics {
	m, total := service.Metrics{}, 0.0
	for _, bound := range bounds {
		total += counts[bound]
		m[turnHistogram+`_bucket{le="`+bound+`"}`] = total
	}
	m[turnHistogram+"_count"] = total + beyond
	m["lockd_snapshot_seconds_sum"], m["lockd_snapshot_seconds_count"] = 3, 2
	return m
}

func TestTheLongestTurnIsBelowTheFirstBoundThatAllAreBelow(t *testing.T) {
	figures := snapshotFigures(turns(map[string]float64{"0.001": 100, "0.005": 3}, 0), []time.Duration{time.Millisecond, 4 * time.Millisecond})
	require.Equal(t, 5.0, figures[LongestTurn])
	require.Zero(t, figures[Stalls])
	require.Equal(t, 1.5, figures[SnapshotTime], "two took three seconds")
	require.Equal(t, 4.0, figures[ProbeMost])
}

func TestTurnsAboveTenMillisecondsAreStalls(t *testing.T) {
	figures := snapshotFigures(turns(map[string]float64{"0.01": 5, "0.025": 2, "0.05": 1}, 0), nil)
	require.Equal(t, 3.0, figures[Stalls])
	require.Equal(t, 50.0, figures[LongestTurn])
	figures = snapshotFigures(turns(nil, 1), nil)
	require.NotContains(t, figures, LongestTurn, "nobody knows how long it was")
	require.Equal(t, 1.0, figures[Stalls])
}

// lock takes a millisecond to acquire, and may be broken.
type lock struct{ err error }

func (l lock) Mutex(string) service.Mutex { return l }
func (l lock) Lock(ctx context.Context) error {
	select {
	case <-time.After(time.Millisecond):
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
func (l lock) Unlock(context.Context) error { return nil }
func (l lock) Close(context.Context) error  { return nil }

func TestTheProbeIsOneOfThoseAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		wait := work(ctx, service.NewCrew([]service.Session{lock{}, lock{}}, func() {}))
		<-time.After(10*time.Millisecond + time.Microsecond)
		stop()
		latencies, err := wait()
		require.NoError(t, err, "that it was cut short is none")
		require.Len(t, latencies, 10)
		require.Equal(t, time.Millisecond, latencies[0])
	})
}

func TestAWriterThatFailsIsHeardOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		failure := errors.New("no room")
		wait := work(ctx, service.NewCrew([]service.Session{lock{}, lock{failure}}, func() {}))
		<-time.After(5 * time.Millisecond)
		stop()
		_, err := wait()
		require.ErrorIs(t, err, failure)
	})
}
