package daemon

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"lockd/raft"
)

func TestAFullInboxHoldsUpWhoeverBringsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInbox()
		for range maxInbox {
			require.True(t, i.post("event"))
		}
		posted := make(chan bool, 1)
		go func() { posted <- i.post("one more") }()
		synctest.Wait()
		require.Equal(t, maxInbox, i.depth(), "it waits")
		taken, open := i.take(nil)
		require.True(t, open)
		require.Len(t, taken, maxInbox)
		require.True(t, <-posted)
		require.Equal(t, 1, i.depth())
	})
}

func TestTheDiskIsNeverHeldUp(t *testing.T) {
	i := newInbox()
	for range maxInbox {
		i.post("event")
	}
	for sequence := uint64(1); sequence <= 3; sequence++ {
		i.persisted(sequence)
	}
	taken, _ := i.take(nil)
	require.Equal(t, raft.Persisted{Sequence: 3}, taken[len(taken)-1], "the newest stands for all")
	require.Len(t, taken, maxInbox+1)
	taken, _ = i.take(nil)
	require.Empty(t, taken, "and is told once")
}

func TestAClosedInboxLetsEverybodyGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInbox()
		for range maxInbox {
			i.post("event")
		}
		posted := make(chan bool, 1)
		go func() { posted <- i.post("one more") }()
		synctest.Wait()
		i.close()
		require.False(t, <-posted)
		taken, open := i.take(nil)
		require.False(t, open)
		require.Len(t, taken, maxInbox, "what was accepted can still be answered")
	})
}
