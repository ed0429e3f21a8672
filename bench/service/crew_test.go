package service

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/cluster"
)

type counted struct{ closed *atomic.Int64 }

func (counted) Mutex(string) Mutex            { return nil }
func (c counted) Close(context.Context) error { c.closed.Add(1); return nil }

func TestSessionsThatWereOpenedAreClosedThoughOthersWereNot(t *testing.T) {
	var asked, closed atomic.Int64
	full := errors.New("no more sessions")
	opened, err := openAll(100, func() (Session, error) {
		if asked.Add(1) > 60 {
			return nil, full
		}
		return counted{&closed}, nil
	})
	require.ErrorIs(t, err, full)
	hungUp := false
	NewCrew(opened, func() { hungUp = true }).HangUp()
	require.Equal(t, int64(60), closed.Load())
	require.True(t, hungUp)
}

func TestWhoLeavesClosesNothing(t *testing.T) {
	var closed atomic.Int64
	left := false
	NewCrew([]Session{counted{&closed}}, func() { left = true }).Leave()
	require.True(t, left)
	require.Zero(t, closed.Load())
}

func TestAddressesAreDistinctAndFree(t *testing.T) {
	addresses, err := cluster.FreeAddresses(20)
	require.NoError(t, err)
	distinct := map[string]bool{}
	for _, a := range addresses {
		distinct[a] = true
	}
	require.Len(t, distinct, 20)
}
