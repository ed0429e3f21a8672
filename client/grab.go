package client

import (
	"context"
	"time"

	"lockd/lockfsm"
)

// Forever is the Wait of a Plain that waits for as long as its context lasts.
const Forever = lockfsm.Forever

// Plain says how Grab acquires a lock.
type Plain struct {
	TTL   time.Duration // for which the lock is held if nobody renews its session
	Wait  time.Duration // zero: do not wait; Forever; or at most so long
	Value string        // shown with the lock while it is held
}

// Grant is a plain lock with a time limit.
type Grant struct {
	Name    string
	Token   uint64 // its fencing token
	Session uint64 // for Renew
}

// Grab acquires a lock that lasts for its TTL, counted from the end of this call, whatever becomes of this process: for scripts, and
// for work that is handed on. Renew prolongs it, Release ends it. While Grab waits in the queue the session is kept alive; when it
// fails, nothing stays behind that does not end by itself within the TTL. Its errors are those of NewSession and Lock.
func (c *Client) Grab(ctx context.Context, name string, plain Plain) (Grant, error) {
	session, err := c.NewSession(ctx, plain.TTL)
	if err != nil {
		return Grant{}, err
	}
	mutex := session.Mutex(name, WithValue(plain.Value))
	if plain.Wait == Forever {
		err = mutex.Lock(ctx)
	} else {
		err = mutex.LockWithin(ctx, plain.Wait)
	}
	grant := Grant{Name: name, Token: mutex.Token(), Session: session.ID()}
	if err == nil {
		err = session.Orphan(ctx)
	}
	if err != nil {
		farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = session.Close(farewell) // else it ends with its TTL
		return Grant{}, err
	}
	return grant, nil
}
