package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// spoken is a verdict with the time since the beginning.
type spoken struct {
	verdict verdict
	at      time.Duration
}

// watchLease runs a guard over a lease of which so much is left at each moment.
func watchLease(ttl time.Duration, left func(at time.Duration) time.Duration, lost <-chan struct{}) (heard []spoken) {
	began := time.Now()
	said, stop := make(chan verdict), make(chan struct{})
	g := &guard{
		left:  func() time.Duration { return max(0, left(time.Since(began))) },
		limit: lastWordsFor(ttl), lost: lost, said: said, stop: stop,
	}
	go func() {
		g.watch()
		close(said)
	}()
	for v := range said {
		heard = append(heard, spoken{v, time.Since(began)})
	}
	close(stop)
	return heard
}

func TestWithoutRenewalsTheGroupIsEndedBeforeTheLease(t *testing.T) {
	for _, c := range []struct{ ttl, gentle, now time.Duration }{
		{2 * time.Second, 1500 * time.Millisecond, 1900 * time.Millisecond},
		{15 * time.Second, 11250 * time.Millisecond, 14250 * time.Millisecond},
		{time.Hour, time.Hour - 11*time.Second, time.Hour - time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			heard := watchLease(c.ttl, func(at time.Duration) time.Duration { return c.ttl - at }, nil)
			require.Equal(t, []spoken{{endGently, c.gentle}, {endNow, c.now}}, heard)
		})
	}
}

func TestARenewalThatComesAfterTheFirstWordDoesNotTakeItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := watchLease(2*time.Second, func(at time.Duration) time.Duration {
			if at > 1600*time.Millisecond {
				return time.Hour
			}
			return 2*time.Second - at
		}, nil)
		require.Equal(t, []spoken{{endGently, 1500 * time.Millisecond}, {endNow, 1900 * time.Millisecond}}, heard)
	})
}

func TestARenewalInTimeGivesTheGuardNothingToSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := watchLease(2*time.Second, func(at time.Duration) time.Duration {
			renewed := min(at, time.Minute).Truncate(time.Second)
			return renewed + 2*time.Second - at
		}, nil)
		require.Equal(t, []spoken{{endGently, time.Minute + 1500*time.Millisecond}, {endNow, time.Minute + 1900*time.Millisecond}}, heard)
	})
}

func TestALockThatIsKnownToBeLostIsEndedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(lost) })
		heard := watchLease(time.Minute, func(at time.Duration) time.Duration {
			if at >= time.Second {
				return 0
			}
			return time.Minute
		}, lost)
		require.Equal(t, []spoken{{endGently, time.Second}, {endNow, time.Second}}, heard)
	})
}

// A machine that slept finds the lease over while the timers believe that no time has passed.
func TestAfterASleepTheGuardLooksAgainWithinANap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := watchLease(time.Hour, func(at time.Duration) time.Duration {
			if at > 10*time.Minute {
				return 0
			}
			return time.Hour - at
		}, nil)
		require.Len(t, heard, 2)
		require.LessOrEqual(t, heard[1].at, 10*time.Minute+guardNap)
	})
}
