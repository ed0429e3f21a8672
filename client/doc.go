// Package client is the Go client of lockd: locks that several machines share, each grant with a
// fencing token.
//
//	c, err := client.New([]string{"10.0.0.1:7400", "10.0.0.2:7400", "10.0.0.3:7400"})
//	session, err := c.NewSession(ctx, 10*time.Second)
//	mutex := session.Mutex("video/17")
//	if err := mutex.Lock(ctx); err != nil { ... }
//	defer mutex.Unlock(ctx)
//	store.Write(mutex.Context(), mutex.Token(), ...)
//
// # What holding a lock means
//
// A session is kept alive by renewals, for as long as the process runs and reaches the servers. When that ends, the servers
// hand its locks to the next waiters once its TTL has passed. The session counts that time itself, on a clock that
// goes on while the machine sleeps, and counts a little less, so that it is always the first to know:
//
//   - [Mutex.Held] looks at the clock at the moment of the call. A process that was stopped for an hour gets
//     the right answer from its first look, whatever else it has not noticed yet.
//   - [Session.Left] tells how long there is to come to an end.
//   - [Mutex.Context] is canceled at the latest when the lease ends, with the cause [ErrLost]. In a process that was stopped
//     it is canceled as soon as the process runs again.
//
// None of them helps against a pause between the look and the act. Only the resource can: give it [Mutex.Token] with
// every operation, readings too, and let it refuse a token lower than the highest it has seen. Package fence does that.
//
// A session is held, in jeopardy (no renewal was acknowledged for two thirds of the lease: what holds a lock does well to come
// to an end) or lost. Lost is final: open another one.
//
// # Waiting, and giving up
//
// [Mutex.Lock] waits in the servers' queue, first come first served, until the lock is granted or ctx ends. When ctx
// ends, Lock returns at once; taking the request back, together with a grant that may be on its way, goes on in the
// background, and nothing is asked of the caller. Unlock and Close behave in the same way: the context bounds how long
// the caller waits, and what was asked for is done all the same. A program that exits right afterwards leaves its
// session to expire.
//
// A Mutex is like a sync.Mutex: not reentrant, and goroutines that share it, or another Mutex of the same name,
// exclude each other.
//
// # Errors
//
// A *[RefusedError] says that nothing was done, and why; with errors.Is it is [ErrBusy] after a TryLock, [ErrTimedOut] after a
// bounded wait. [ErrLost] says that the session came to its end. [ErrUnknownOutcome] says that a request was sent
// and that its answer will never be known. What it may have brought ends with the session. A context's error is
// that context's. Servers that can't be reached or don't lead are no errors while there is time: requests follow the leader, and are
// repeated under their number, so that none is carried out twice.
//
// # How it works
//
// Everything about sessions is decided by the values of package client/session. Here is what they need to live: whoever has something to
// tell a session steps it himself, under its mutex, be it a caller, the reader of the network or the session's timer (step.go), so that
// no goroutine has to be woken on the way, and no step is held up by the network; and for each endpoint that is in use one connection
// with one stream (link.go), which carries the traffic of all sessions, many calls in one message when they come together. Where a
// decision has been made, it is published as one value (the state and the end of the lease), which any goroutine may compare with the
// clock.
//
// Go's timers do not count the time in which a machine sleeps. So no timer here runs for longer than a second: after a
// sleep the context is canceled within that time. Held is not concerned. A process that was stopped by a signal has its
// timers at once.
//
// # What is left out
//
// Leaders at addresses that are not among the endpoints are not followed: give all members of the cluster, in the form in which
// they advertise themselves. More than 512 requests of one session while one of its Locks waits: what needs more uses a
// second session. Discovery, and a choice of the member that is read from. Systems other than Linux and macOS, because
// each needs its own clock.
package client
