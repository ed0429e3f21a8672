package client

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/client/session"
	"lockd/lockfsm"
	"lockd/server"
)

func TestQueriesFindTheLeader(t *testing.T) {
	c := newCluster(t, 3)
	c.lead(2)
	whole := c.client(WithOwner("Ann"))
	ctx := within(t)
	m := open(t, whole).Mutex("film", WithValue("cut 7"))
	require.NoError(t, m.Lock(ctx))

	checked, err := whole.Check(ctx, "film", m.Token())
	require.NoError(t, err)
	require.True(t, checked.Valid)
	checked, err = whole.Check(ctx, "film", m.Token(), ByLease())
	require.NoError(t, err)
	require.True(t, checked.Valid)
	shown, err := whole.Show(ctx, server.Show{Name: "film"})
	require.NoError(t, err)
	require.Equal(t, "Ann", shown.Lock.Owner)
	require.Equal(t, "cut 7", string(shown.Lock.Value))
	listed, err := whole.List(ctx, server.List{})
	require.NoError(t, err)
	require.Len(t, listed.Locks, 1)
	sessions, err := whole.Sessions(ctx, server.Sessions{})
	require.NoError(t, err)
	require.Len(t, sessions.Sessions, 1)
	leader, err := whole.Transfer(ctx, 3)
	require.NoError(t, err)
	require.EqualValues(t, 3, leader)
	_, err = whole.Status(ctx, c.members[0].address)
	require.NoError(t, err)
	_, err = whole.Status(ctx, "elsewhere:1")
	require.Error(t, err)

	var backup bytes.Buffer
	saved, err := whole.Backup(ctx, &backup)
	require.NoError(t, err)
	require.Equal(t, backup.Len(), saved.Bytes)
	restored, err := lockfsm.Restore(backup.Bytes())
	require.NoError(t, err)
	require.EqualValues(t, m.Token(), restored.Current("film"))
}

func TestQueriesGoAroundWhoIsAway(t *testing.T) {
	c := newCluster(t, 3)
	c.lead(2)
	c.members[0].stop()
	c.members[1].stop()
	checked, err := c.client().Check(within(t), "film", 1)
	require.NoError(t, err)
	require.False(t, checked.Valid)
}

func TestWhoIsOutOfTimeLearnsWhy(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	whole, err := New([]string{listener.Addr().String()})
	require.NoError(t, err)
	defer whole.Close()
	soon, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err = whole.Check(soon, "film", 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "connection refused")
	_, err = whole.NewSession(soon, ttl)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "connection refused")
	_, err = whole.Status(within(t), listener.Addr().String())
	require.ErrorContains(t, err, "connection refused")
}

func TestReleaseByToken(t *testing.T) {
	c := newCluster(t, 3)
	c.members[0].stop() // which is no reason for doubt
	c.lead(1)
	whole := c.client()
	ctx := within(t)
	grant, err := whole.Grab(ctx, "film", Plain{TTL: ttl})
	require.NoError(t, err)
	require.NoError(t, whole.Release(ctx, "film", grant.Token))
	err = c.client().Release(ctx, "film", grant.Token) // which asks the one that is away first
	refusal, is := errors.AsType[*RefusedError](err)
	require.True(t, is, "%v", err)
	require.Equal(t, lockfsm.StaleToken, refusal.Status)
	require.Equal(t, "stale token", refusal.Why())
	require.NotErrorIs(t, err, ErrUnknownOutcome)
}

// The answer of a Release is lost. The next attempt finds the token stale, and nobody knows by whose doing.
func TestADoubtfulReleaseIsNotCalledStale(t *testing.T) {
	c := newCluster(t, 1)
	whole := c.client()
	ctx := within(t)
	grant, err := whole.Grab(ctx, "film", Plain{TTL: ttl})
	require.NoError(t, err)
	lost := make(chan struct{})
	first := true
	c.losing(func(request server.Request) bool {
		if _, is := request.(lockfsm.Release); is && first {
			first = false
			close(lost)
			return true
		}
		return false
	})
	go func() {
		<-lost
		c.members[0].stop()
		c.members[0].start()
	}()
	require.ErrorIs(t, whole.Release(ctx, "film", grant.Token), ErrUnknownOutcome)
}

func TestAPlainLockLastsForItsTTL(t *testing.T) {
	c := newCluster(t, 3)
	whole := c.client()
	ctx := within(t)
	grant, err := whole.Grab(ctx, "film", Plain{TTL: ttl, Value: "by hand"})
	require.NoError(t, err)
	require.Equal(t, "film", grant.Name)

	_, err = whole.Grab(ctx, "film", Plain{TTL: ttl})
	require.ErrorIs(t, err, ErrBusy)
	c.until("whoever was refused has left", func(m *lockfsm.Machine) bool { return m.Counts().Sessions == 1 })

	require.NoError(t, whole.Close(), "the client goes away")
	c.advance(ttl - 1)
	other := c.client()
	require.NoError(t, other.Renew(ctx, grant.Session))
	c.advance(ttl - 1)
	c.until("it lasts", func(m *lockfsm.Machine) bool { return uint64(m.Current("film")) == grant.Token })
	c.advance(1)
	c.until("it ends", free("film"))
	require.ErrorIs(t, other.Renew(ctx, grant.Session), ErrLost)
}

// The time that was spent in the queue is not taken from the TTL.
func TestAPlainLockCountsFromItsGrant(t *testing.T) {
	c := newCluster(t, 3)
	holder := open(t, c.client()).Mutex("film")
	require.NoError(t, holder.Lock(within(t)))
	granted := make(chan error, 1)
	go func() {
		_, err := c.client().Grab(within(t), "film", Plain{TTL: ttl, Wait: Forever})
		granted <- err
	}()
	c.until("the request is queued", waiters("film", 1))
	c.advance(ttl - 1)
	require.NoError(t, holder.Unlock(within(t)))
	require.NoError(t, <-granted)
	c.advance(ttl - 1)
	c.until("it lasts", func(m *lockfsm.Machine) bool { return m.Current("film") == 2 })
	c.advance(1)
	c.until("it ends", free("film"))
}

func TestWhatCanNeverSucceedIsRefused(t *testing.T) {
	c := newCluster(t, 3)
	ctx := within(t)
	s := open(t, c.client())
	for name, status := range map[string]lockfsm.Status{
		"": lockfsm.InvalidName, "a\nb": lockfsm.InvalidName, "\xff": lockfsm.InvalidName, strings.Repeat("x", 256): lockfsm.InvalidName,
	} {
		refusal, is := errors.AsType[*RefusedError](s.Mutex(name).Lock(ctx))
		require.True(t, is)
		require.Equal(t, status, refusal.Status)
	}
	require.ErrorContains(t, s.Mutex("film", WithValue(strings.Repeat("x", 5000))).Lock(ctx), "invalid value")
	require.ErrorContains(t, s.Mutex("film", WithValue("\xff")).Lock(ctx), "invalid: The value is not UTF-8")
	_, err := c.client().NewSession(ctx, time.Millisecond)
	require.ErrorContains(t, err, "invalid ttl")
	_, err = c.client().Show(ctx, server.Show{Name: "\xff"})
	require.ErrorContains(t, err, "not UTF-8")

	for _, endpoints := range [][]string{nil, {"host"}, {"host:"}, {"host:1", "host:1"}} {
		_, err := New(endpoints)
		require.Error(t, err)
	}
	_, err = New([]string{"host:1"}, WithOwner("a\nb"))
	require.ErrorContains(t, err, "owner")
	_, err = New([]string{"host:1"}, WithDrift(0))
	require.ErrorContains(t, err, "drift")
}

// Calls that come together share messages, up to a bound.
func TestCallsArePacked(t *testing.T) {
	l := &link{}
	l.stream = &stream{link: l, wake: make(chan struct{}, 1), flights: make(map[uint64]flight)}
	for i := range maxFrameCalls + 1 {
		l.send(nil, session.Send{Correlation: session.Correlation(i), Command: lockfsm.Renew{Sessions: []lockfsm.SessionID{1}}})
	}
	require.Len(t, l.stream.take(), maxFrameCalls)
	require.Len(t, l.stream.take(), 1)
	require.Empty(t, l.stream.take())
}
