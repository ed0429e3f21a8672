package client

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/server"
)

const ttl = 10 * time.Second

// hand is a clock that a test moves. Sessions look at it every millisecond, unless they are to be frozen.
type hand struct{ reading atomic.Int64 }

func (h *hand) advance(by time.Duration) { h.reading.Add(int64(by)) }

func (h *hand) option(nap time.Duration) Option {
	h.advance(time.Hour)
	return func(s *settings) {
		s.clock = func() time.Duration { return time.Duration(h.reading.Load()) }
		s.nap = nap
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func open(t *testing.T, c *Client) *Session {
	t.Helper()
	s, err := c.NewSession(within(t), ttl)
	require.NoError(t, err)
	return s
}

// free says that nobody holds or waits for a lock.
func free(name string) func(*lockfsm.Machine) bool {
	return func(m *lockfsm.Machine) bool {
		return m.Current(name) == 0 && len(m.Waiters(name, 0, 1)) == 0
	}
}

func waiters(name string, n int) func(*lockfsm.Machine) bool {
	return func(m *lockfsm.Machine) bool { return len(m.Waiters(name, 0, 1000)) == n }
}

// queued starts a Lock, and comes back when it stands in the queue as the n-th.
func queued(ctx context.Context, c *cluster, m *Mutex, n int) <-chan error {
	outcome := make(chan error, 1)
	go func() { outcome <- m.Lock(ctx) }()
	c.until("the request is queued", waiters(m.Name(), n))
	return outcome
}

func TestALockPassesFromOneClientToTheNext(t *testing.T) {
	c := newCluster(t, 3)
	ctx := within(t)
	first, second := open(t, c.client()).Mutex("film", WithValue("cut 7")), open(t, c.client(WithOwner("second"))).Mutex("film")

	require.NoError(t, first.Lock(ctx))
	require.True(t, first.Held())
	require.NotZero(t, first.Token())
	require.NoError(t, first.Context().Err())
	require.ErrorIs(t, second.TryLock(ctx), ErrBusy)

	granted := queued(ctx, c, second, 1)
	held := first.Context()
	token := first.Token()
	require.NoError(t, first.Unlock(ctx))
	require.False(t, first.Held())
	require.Zero(t, first.Token())
	require.ErrorIs(t, context.Cause(held), context.Canceled)
	require.ErrorIs(t, context.Cause(first.Context()), ErrNotHeld)

	require.NoError(t, <-granted)
	require.Greater(t, second.Token(), token)
	require.ErrorIs(t, first.Unlock(ctx), ErrNotHeld)
	require.NoError(t, second.Unlock(ctx))
	c.until("the lock is free", free("film"))
}

// Whoever is asked first, the client is led to the leader at once.
func TestTheLeaderIsFound(t *testing.T) {
	c := newCluster(t, 9)
	for leader := range c.members {
		c.lead(leader)
		c.refused = 0
		whole := c.client()
		m := open(t, whole).Mutex("film")
		require.NoError(t, m.Lock(within(t)))
		require.NoError(t, m.Unlock(within(t)))
		require.LessOrEqual(t, c.refused, 1)
		_, err := whole.Check(within(t), "film", 1)
		require.NoError(t, err)
		require.LessOrEqual(t, c.refused, 2)
	}
}

func TestALeaderThatIsNotNamedIsFoundAllTheSame(t *testing.T) {
	c := newCluster(t, 3)
	c.lead(nobody)
	opened := make(chan error, 1)
	whole := c.client()
	go func() {
		_, err := whole.NewSession(within(t), ttl)
		opened <- err
	}()
	require.Eventually(t, func() bool {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		return c.refused > 3
	}, patience, time.Millisecond)
	c.lead(1)
	require.NoError(t, <-opened)
}

func TestALockOutlivesItsLeader(t *testing.T) {
	c := newCluster(t, 3)
	ctx := within(t)
	holder, waiter := open(t, c.client()).Mutex("film"), open(t, c.client()).Mutex("film")
	require.NoError(t, holder.Lock(ctx))
	granted := queued(ctx, c, waiter, 1)

	c.lead(1)
	c.members[0].stop()
	require.NoError(t, holder.Unlock(ctx))
	require.NoError(t, <-granted)
	require.True(t, waiter.Held())

	c.members[0].start()
	c.lead(0)
	c.members[1].stop()
	c.members[2].stop()
	require.NoError(t, waiter.Unlock(ctx))
	c.until("the lock is free", free("film"))
	c.mutex.Lock()
	defer c.mutex.Unlock()
	require.EqualValues(t, 2, c.machine.Last(), "a repeated request is carried out once")
}

// An answer is lost, with its connection. The request is repeated, and found to be carried out already.
func TestALostAnswerIsAskedForAgain(t *testing.T) {
	c := newCluster(t, 1)
	ctx := within(t)
	m := open(t, c.client()).Mutex("film")
	lost := make(chan struct{})
	var once sync.Once
	c.losing(func(request server.Request) (lose bool) {
		if _, is := request.(lockfsm.Acquire); is {
			once.Do(func() { lose = true; close(lost) })
		}
		return lose
	})
	go func() {
		<-lost
		c.members[0].stop()
		c.members[0].start()
	}()
	require.NoError(t, m.Lock(ctx))
	require.Equal(t, 2, count[lockfsm.Acquire](c))
	require.EqualValues(t, 1, m.Token())
	require.NoError(t, m.Unlock(ctx))
}

// frozen is a client whose process does not run: nothing but a call of its own would let its session notice the time.
func TestAProcessThatWasStoppedKnowsAtOnce(t *testing.T) {
	c := newCluster(t, 1)
	clock := &hand{}
	s := open(t, c.client(clock.option(time.Hour)))
	m := s.Mutex("film")
	require.NoError(t, m.Lock(within(t)))
	held := m.Context()

	clock.advance(ttl)
	require.False(t, m.Held())
	require.Equal(t, StateLost, s.State())
	require.NoError(t, held.Err(), "the session was to be frozen")

	s.ring() // it runs again
	<-held.Done()
	<-s.Done()
	require.ErrorIs(t, context.Cause(held), ErrLost)
	require.ErrorIs(t, s.Err(), ErrLost)
	require.ErrorIs(t, m.Unlock(within(t)), ErrLost)
	require.ErrorIs(t, m.Lock(within(t)), ErrLost)
	require.ErrorIs(t, s.Close(within(t)), ErrLost)
	c.until("a lost session is closed", free("film"))
}

// The servers fall silent. The holder is told before they can grant the lock to anybody else.
func TestASilentClusterIsNoticedInTime(t *testing.T) {
	c := newCluster(t, 3)
	clock := &hand{}
	s := open(t, c.client(clock.option(time.Millisecond)))
	m := s.Mutex("film")
	require.NoError(t, m.Lock(within(t)))
	require.Equal(t, StateHeld, <-s.Changes())
	held := m.Context()

	c.losing(func(server.Request) bool { return true })
	c.lead(nobody)
	pass := func(by time.Duration) { clock.advance(by); c.advance(by) }
	pass(ttl * 7 / 10)
	require.Equal(t, StateJeopardy, <-s.Changes())
	require.InDelta(t, ttl*3/10, s.Left(), float64(ttl/100))
	require.True(t, m.Held())
	require.NoError(t, held.Err())

	pass(ttl*3/10 - time.Millisecond)
	require.False(t, m.Held())
	require.Zero(t, s.Left())
	select {
	case <-held.Done():
	case <-time.After(patience):
		t.Fatal("nobody was told")
	}
	require.Equal(t, StateLost, <-s.Changes())
	_, more := <-s.Changes()
	require.False(t, more)
	c.until("the servers still have it as the holder", func(m *lockfsm.Machine) bool { return m.Current("film") == 1 })
	pass(time.Millisecond)
	c.until("now they end it", free("film"))
}

func TestASessionIsRenewed(t *testing.T) {
	c := newCluster(t, 3)
	clock := &hand{}
	s := open(t, c.client(clock.option(time.Millisecond)))
	m := s.Mutex("film")
	require.NoError(t, m.Lock(within(t)))
	for range 10 {
		before := s.standing.Load().until
		clock.advance(ttl / 2)
		c.advance(ttl / 2)
		require.Eventually(t, func() bool { return s.standing.Load().until > before }, patience, time.Millisecond)
	}
	require.True(t, m.Held())
	require.NoError(t, m.Unlock(within(t)))
}

func TestAWaiterThatGivesUpLeavesNoGhost(t *testing.T) {
	c := newCluster(t, 3)
	holder, waiter := open(t, c.client()).Mutex("film"), open(t, c.client()).Mutex("film")
	require.NoError(t, holder.Lock(within(t)))
	ctx, cancel := context.WithCancel(context.Background())
	granted := queued(ctx, c, waiter, 1)

	cancel()
	require.ErrorIs(t, <-granted, context.Canceled)
	c.until("the queue is empty", waiters("film", 0))
	require.NoError(t, holder.Unlock(within(t)))
	c.until("the lock is free", free("film"))
	require.NoError(t, waiter.Lock(within(t)), "the next attempt is none the worse for it")
}

// Many goroutines grab one lock and give up at random moments: some while they are queued, some while their grant is on its way.
func TestWhoeverGivesUpHoldsNobodyUp(t *testing.T) {
	c := newCluster(t, 3)
	sessions := []*Session{open(t, c.client()), open(t, c.client())}
	var inside, grants atomic.Int64
	var everybody sync.WaitGroup
	for i := range 20 {
		everybody.Go(func() {
			m := sessions[i%2].Mutex("film")
			for range 10 {
				ctx, cancel := context.WithTimeout(context.Background(), rand.N(50*time.Millisecond))
				if m.Lock(ctx) == nil {
					if inside.Add(1) != 1 {
						t.Error("two are inside")
					}
					grants.Add(1)
					inside.Add(-1)
					if err := m.Unlock(within(t)); err != nil {
						t.Error(err)
					}
				}
				cancel()
			}
		})
	}
	everybody.Wait()
	c.until("the lock is free", free("film"))
	require.NotZero(t, grants.Load())
}

func TestABoundedWaitRunsOut(t *testing.T) {
	c := newCluster(t, 3)
	s := open(t, c.client())
	holder, waiter := s.Mutex("film"), s.Mutex("film")
	require.NoError(t, holder.Lock(within(t)))
	outcome := make(chan error, 1)
	go func() { outcome <- waiter.LockWithin(within(t), 5*time.Second) }()
	c.until("the request is queued", waiters("film", 1))
	c.advance(5 * time.Second)
	err := <-outcome
	require.ErrorIs(t, err, ErrTimedOut)
	require.ErrorContains(t, err, `lock "film": refused: timed out`)
	require.ErrorIs(t, waiter.LockWithin(within(t), 0), ErrBusy)
}

// A Mutex that goroutines share lets one of them in at a time.
func TestLockerExcludesGoroutines(t *testing.T) {
	c := newCluster(t, 3)
	lock := open(t, c.client()).Mutex("film").Locker()
	counter := 0
	var everybody sync.WaitGroup
	for range 10 {
		everybody.Go(func() {
			for range 10 {
				lock.Lock()
				counter++
				lock.Unlock()
			}
		})
	}
	everybody.Wait()
	require.Equal(t, 100, counter)
	require.PanicsWithValue(t, `client: unlock "film": the lock is not held`, lock.Unlock)
}

func TestClosingASessionHandsItsLocksOver(t *testing.T) {
	c := newCluster(t, 3)
	s := open(t, c.client())
	m, queue := s.Mutex("film"), s.Mutex("film")
	require.NoError(t, m.Lock(within(t)))
	held := m.Context()
	waiting := queued(within(t), c, queue, 1)

	require.NoError(t, s.Close(within(t)))
	require.ErrorIs(t, context.Cause(held), ErrClosed)
	err := <-waiting
	require.ErrorIs(t, err, ErrUnknownOutcome)
	require.ErrorIs(t, err, ErrClosed)
	require.False(t, m.Held())
	require.Equal(t, StateClosed, s.State())
	require.ErrorIs(t, s.Err(), ErrClosed)
	c.until("the lock is free", free("film"))
	require.ErrorIs(t, m.Unlock(within(t)), ErrClosed)
	require.ErrorIs(t, m.Lock(within(t)), ErrClosed)
	require.NoError(t, s.Close(within(t)))
}

func TestClosingAClientEndsWhatIsHeld(t *testing.T) {
	c := newCluster(t, 3)
	whole := c.client()
	m := open(t, whole).Mutex("film")
	require.NoError(t, m.Lock(within(t)))
	held := m.Context()
	require.NoError(t, whole.Close())
	require.ErrorIs(t, context.Cause(held), ErrClosed)
	require.False(t, m.Held())
	require.ErrorIs(t, m.Unlock(within(t)), ErrClosed)
	_, err := whole.NewSession(within(t), ttl)
	require.ErrorIs(t, err, ErrClosed)
	_, err = whole.Check(within(t), "film", 1)
	require.ErrorIs(t, err, ErrClosed)
	c.until("the servers have not heard of it", func(m *lockfsm.Machine) bool { return m.Current("film") == 1 })
}

func TestAClosedClientLeavesNoGoroutines(t *testing.T) {
	c := newCluster(t, 3)
	before := runtime.NumGoroutine()
	whole := c.client()
	m := open(t, whole).Mutex("film")
	require.NoError(t, m.Lock(within(t)))
	queued(within(t), c, m, 1)
	_, err := whole.Check(within(t), "film", 1)
	require.NoError(t, err)
	require.NoError(t, whole.Close())
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, patience, time.Millisecond) // Eventually has one
}

func TestASessionEndedByOthersIsLost(t *testing.T) {
	c := newCluster(t, 3)
	clock := &hand{}
	whole := c.client(clock.option(time.Millisecond))
	s := open(t, whole)
	m := s.Mutex("film")
	require.NoError(t, m.Lock(within(t)))
	require.NoError(t, c.client().CloseSession(within(t), s.ID()))
	clock.advance(ttl / 2) // it asks to be renewed
	<-m.Context().Done()
	require.ErrorIs(t, context.Cause(m.Context()), ErrLost)
	require.ErrorIs(t, whole.Renew(within(t), s.ID()), ErrLost)
}

// The timer may ring too early. It never rings later than the session has something to do, and one that stood still while the machine slept is set again.
func TestTheTimerIsSetForTheNextDeadline(t *testing.T) {
	clock := &hand{}
	s := open(t, newCluster(t, 1).client(clock.option(time.Hour)))
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.client.settings.clock()
	due := s.logic.Deadline()
	require.Less(t, due, now+time.Hour)

	s.rings = due + 1 // for something later than has come up since
	s.arm(now)
	require.Equal(t, due, s.rings)
	s.rings = now + 1 // early enough
	s.arm(now)
	require.Equal(t, now+1, s.rings)
	s.rings = now - 1 // it should have rung
	s.arm(now)
	require.Equal(t, due, s.rings)
}
