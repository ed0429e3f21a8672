package cluster

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/linearizability"
)

// chronicled hears acts as a process tells them: each when it begins, and again when it is over.
func chronicled(acts ...act) *chronicle {
	c := newChronicle()
	for i, a := range acts {
		a.Number = uint64(i + 1)
		begun := a
		begun.Returned = 0
		c.hear(1, word{Act: &begun})
		if a.Returned != 0 {
			c.hear(1, word{Act: &a})
		}
	}
	return c
}

func acquired(client int32, token, place uint64, called, returned time.Duration) act {
	return act{Kind: linearizability.Acquire, Outcome: linearizability.Done, Client: client, Lock: "shared/1", Session: uint64(client),
		Token: token, Place: place, Called: called, Returned: returned}
}

func released(client int32, token uint64, called, returned time.Duration) act {
	return act{Kind: linearizability.Release, Outcome: linearizability.Done, Client: client, Lock: "shared/1", Session: uint64(client),
		Token: token, Called: called, Returned: returned}
}

func TestEventsAreOrderedByTheClock(t *testing.T) {
	h := chronicled(released(1, 1, 30, 40), acquired(1, 1, 1, 10, 20), acquired(2, 2, 2, 15, 45)).history()
	order := map[uint64]uint64{} // when each event was, from the first on
	for _, o := range h.Operations {
		order[o.Call], order[o.Return] = uint64(o.Called), uint64(o.Returned)
	}
	require.Equal(t, map[uint64]uint64{1: 0, 2: 5, 3: 10, 4: 20, 5: 30, 6: 35}, order)
}

// Two events at one instant: nobody knows which was first, so the operations overlap.
func TestATieIsNoOrder(t *testing.T) {
	h := chronicled(released(1, 1, 10, 20), acquired(2, 2, 2, 20, 30)).history()
	require.Less(t, h.Operations[1].Call, h.Operations[0].Return)
}

// A process that is killed has told of what it had begun.
func TestWhatHasNoAnswerIsUnknown(t *testing.T) {
	waiting := acquired(1, 0, 0, 10, 0)
	waiting.Outcome = linearizability.Unknown
	c := chronicled(waiting)
	c.hear(2, word{Act: &act{Number: 1, Kind: linearizability.Open, Called: 11, Returned: 12}})
	h := c.history()
	require.Len(t, h.Operations, 2, "another process's act of that number is another act")
	require.Equal(t, linearizability.Never, h.Operations[1].Return)
	require.Equal(t, linearizability.Unknown, h.Operations[1].Outcome)
}

func TestTwoHoldersAreFound(t *testing.T) {
	good := chronicled(acquired(1, 1, 1, 10, 20), released(1, 1, 30, 40), acquired(2, 2, 2, 15, 45)).history()
	require.Equal(t, linearizability.Pass, linearizability.Judge(&good, budget).Result)
	bad := chronicled(acquired(1, 1, 1, 10, 20), released(1, 1, 30, 40), acquired(2, 2, 2, 15, 25)).history()
	require.Equal(t, linearizability.Fail, linearizability.Judge(&bad, budget).Result)
}

func TestWhoCameFirstIsServedFirst(t *testing.T) {
	require.Empty(t, chronicled(acquired(1, 1, 1, 10, 20), acquired(2, 2, 3, 15, 45)).outOfOrder())
	require.Len(t, chronicled(acquired(1, 1, 4, 10, 20), acquired(2, 2, 3, 15, 45)).outOfOrder(), 1)
}

// The resource itself sees that a write replaced what its writer had not read; the guard prevents it.
func TestTheGuardPreventsALostUpdate(t *testing.T) {
	for _, guarded := range []bool{true, false} {
		r, err := openResource(guarded)
		require.NoError(t, err)
		v, ctx := newVisitor(r.url()), t.Context()
		read := func(token uint64) uint64 {
			value, allowed, err := v.read(ctx, "a/b@1", token)
			require.NoError(t, err)
			require.True(t, allowed)
			return value
		}
		stopped := read(34)
		_, err = v.write(ctx, "a/b@1", 35, read(35), 1035, "client-2")
		require.NoError(t, err)
		allowed, err := v.write(ctx, "a/b@1", 34, stopped, 1034, "client-1")
		require.NoError(t, err)
		require.Equal(t, !guarded, allowed)
		if guarded {
			require.Empty(t, r.losses())
		} else {
			require.Equal(t, []string{`lost update of "a/b@1": client-1, with token 34, replaced what client-2 had written with token 35, and had never read it`}, r.losses())
		}
		r.close()
	}
}

func TestACrewWithoutOrdersEnds(t *testing.T) {
	require.ErrorContains(t, RunCrew(context.Background(), bytes.NewReader(nil), new(bytes.Buffer)), "without orders")
}
