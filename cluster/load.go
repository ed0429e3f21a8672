package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"lockd/client"
)

// sessionTTL is that of the trials' clients: the shortest for which no session may be lost while a leader is replaced.
const sessionTTL = 10 * time.Second

// contended is how many locks the clients of a load share. Each has one of its own as well.
const contended = 3

// load is a number of clients that grab and release locks until they are told to stop.
type load struct {
	history *History
	clients []*client.Client
	done    sync.WaitGroup
	stop    context.CancelFunc
	failed  chan error // the first thing that should not have gone wrong
}

// startLoad starts the clients, each with its own connections and session.
func startLoad(ctx context.Context, endpoints []string, clients int) (*load, error) {
	ctx, stop := context.WithCancel(ctx)
	l := &load{history: NewHistory(), stop: stop, failed: make(chan error, 1)}
	for number := range clients {
		c, err := client.New(endpoints, client.WithOwner(fmt.Sprintf("client %d", number)))
		if err != nil {
			l.end()
			return nil, err
		}
		l.clients = append(l.clients, c)
		session, err := c.NewSession(ctx, sessionTTL)
		if err != nil {
			l.end()
			return nil, err
		}
		l.done.Add(1)
		go func() {
			defer l.done.Done()
			l.work(ctx, number, session)
		}()
	}
	return l, nil
}

// end stops the clients and waits for them.
func (l *load) end() {
	l.stop()
	l.done.Wait()
	for _, c := range l.clients {
		_ = c.Close() // what it held was released
	}
}

// work is the life of one client.
func (l *load) work(ctx context.Context, number int, session *client.Session) {
	random := rand.New(rand.NewPCG(uint64(number), 1))
	for ctx.Err() == nil {
		name := fmt.Sprintf("shared/%d", random.IntN(contended))
		if random.IntN(4) == 0 {
			name = fmt.Sprintf("own/%d", number)
		}
		if err := l.hold(ctx, number, session.Mutex(name), time.Duration(random.IntN(2000))*time.Microsecond); err != nil {
			if errors.Is(err, client.ErrLost) {
				l.history.Lost(number, err)
			}
			l.fail(fmt.Errorf("client %d: %w", number, err))
			return
		}
	}
	// Not with ctx, which is over: the session is closed as a client does that comes to its end.
	farewell, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = session.Close(farewell)
}

// hold grabs a lock, keeps it for a moment and gives it back.
func (l *load) hold(ctx context.Context, number int, mutex *client.Mutex, moment time.Duration) error {
	if err := mutex.Lock(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	hold := Hold{Lock: mutex.Name(), Client: number, Token: mutex.Token(), Place: mutex.Place(), Granted: l.history.Now()}
	pause(ctx, moment)
	hold.Released = l.history.Now()
	// A client that is told to stop gives back what it holds all the same.
	hold.Trouble = mutex.Unlock(context.WithoutCancel(ctx))
	l.history.Add(hold)
	return nil
}

// trouble is the first thing that went wrong and should not have; nil: nothing.
func (l *load) trouble() error {
	select {
	case err := <-l.failed:
		return err
	default:
		return nil
	}
}

func (l *load) fail(err error) {
	select {
	case l.failed <- err:
	default:
	}
}

func pause(ctx context.Context, moment time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(moment):
	}
}
