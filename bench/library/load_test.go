package library

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// fake is a group that takes two milliseconds for each command, and refuses one of them.
type fake struct {
	sizes   atomic.Int64 // of all commands
	refuses int64        // which one, counted from one; zero: none
	count   atomic.Int64
}

var errRefused = errors.New("refused")

func (f *fake) Proposer() func([]byte) error {
	return func(command []byte) error {
		<-time.After(2 * time.Millisecond)
		f.sizes.Add(int64(len(command)))
		if f.count.Add(1) == f.refuses {
			return errRefused
		}
		return nil
	}
}

func (f *fake) Close() error { return nil }

func TestWhatIsCommittedWhileItIsMeasuredIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group := &fake{}
		outcome, err := Load(group, 5, 16, time.Second)
		require.NoError(t, err)
		require.Equal(t, time.Second, outcome.Took)
		require.InDelta(t, 5*500, len(outcome.Latencies), 5)
		require.Equal(t, 2*time.Millisecond, outcome.Latencies[0])
		require.Equal(t, 16*group.count.Load(), group.sizes.Load())
	})
}

func TestARefusalSpoilsTheFigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := Load(&fake{refuses: 700}, 5, 16, time.Second)
		require.ErrorIs(t, err, errRefused)
	})
}

func TestAnInboxIsEmptiedAtOnceAndTellsThatItIsClosed(t *testing.T) {
	i := newInbox[int]()
	require.True(t, i.post(1, 2))
	require.True(t, i.post(3))
	<-i.wake
	events, open := i.take(nil)
	require.Equal(t, []int{1, 2, 3}, events)
	require.True(t, open)
	i.close()
	<-i.wake
	require.False(t, i.post(4))
	events, open = i.take(events)
	require.Empty(t, events)
	require.False(t, open)
}
