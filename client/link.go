package client

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"google.golang.org/grpc"

	"lockd/client/session"
	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

// maxFrameCalls bounds the calls in one frame: with the longest values it stays below what a server takes.
const maxFrameCalls = 512

// link is the way to one endpoint: a connection, which is made when it is first used, and on it one stream at a time for the
// traffic of all sessions.
type link struct {
	client     *Client
	endpoint   session.Endpoint
	address    string
	connection *grpc.ClientConn

	mutex  sync.Mutex
	stream *stream // nil: the next sending begins one
}

// stream is one Connect stream, from the first call that is queued for it until it breaks.
type stream struct {
	link   *link
	cancel context.CancelFunc
	wake   chan struct{} // something is queued

	// The link's mutex guards these.
	calls   uint64
	queue   []wire.Call
	flights map[uint64]flight // by the number of their call
}

// flight is one sending that was not answered.
type flight struct {
	session     *Session
	correlation session.Correlation
}

// send queues a command. It never blocks. Should the stream break before the answer is here, the session is told that the endpoint disconnected.
func (l *link) send(from *Session, sending session.Send) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.stream == nil {
		ctx, cancel := context.WithCancel(context.Background())
		l.stream = &stream{link: l, cancel: cancel, wake: make(chan struct{}, 1), flights: make(map[uint64]flight)}
		go l.stream.run(ctx)
	}
	s := l.stream
	s.calls++
	s.queue = append(s.queue, wire.Call{ID: s.calls, Request: sending.Command})
	s.flights[s.calls] = flight{session: from, correlation: sending.Correlation}
	signal(s.wake)
}

// run is the life of a stream. Whatever is in flight when it ends will not be answered.
func (s *stream) run(ctx context.Context) {
	err := s.talk(ctx)
	s.cancel()
	s.link.client.note(s.link.address, err)
	s.link.client.settings.logger.Debug("connection ended", "endpoint", s.link.address, "error", err)

	s.link.mutex.Lock()
	s.link.stream = nil
	concerned := make(map[*Session]bool)
	for _, f := range s.flights {
		concerned[f.session] = true
	}
	s.link.mutex.Unlock()
	for one := range concerned {
		one.step(session.Disconnected{Endpoint: s.link.endpoint})
	}
}

// talk writes what is queued, while a second goroutine reads, until one of the two fails.
func (s *stream) talk(ctx context.Context) error {
	rpc, err := lockdv1.NewLockdClient(s.link.connection).Connect(ctx)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.read(rpc) }()
	for {
		select {
		case <-s.wake:
			runtime.Gosched() // one frame brought many callers their answers: what they ask next is sent as one as well
			if err := s.flush(rpc); err != nil {
				return <-ended // a send fails because the stream has ended: the reader knows why
			}
		case err := <-ended:
			return err
		}
	}
}

// flush sends all that is queued, as few messages as may be.
func (s *stream) flush(rpc lockdv1.Lockd_ConnectClient) error {
	for calls := s.take(); len(calls) > 0; calls = s.take() {
		frame, refused := wire.CallsToProto(calls)
		if err := s.deliver(refused); err != nil {
			return err
		}
		if err := rpc.Send(frame); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) take() []wire.Call {
	s.link.mutex.Lock()
	defer s.link.mutex.Unlock()
	n := min(len(s.queue), maxFrameCalls)
	calls := s.queue[:n:n]
	s.queue = s.queue[n:]
	return calls
}

func (s *stream) read(rpc lockdv1.Lockd_ConnectClient) error {
	// Only cancelling ends a stream on which the reader has given up: the writer would go on.
	defer s.cancel()
	for {
		frame, err := rpc.Recv()
		if err != nil {
			return err
		}
		replies, err := wire.RepliesFromProto(frame)
		if err != nil {
			return err
		}
		if err := s.deliver(replies); err != nil {
			return err
		}
	}
}

// deliver hands replies to the sessions that wait for them.
func (s *stream) deliver(replies []wire.Reply) error {
	for _, reply := range replies {
		f, waits := s.land(reply.ID)
		if !waits {
			return fmt.Errorf("the server answered call %d, which it was not asked", reply.ID)
		}
		input, err := s.link.input(f.correlation, reply)
		if err != nil {
			return err
		}
		f.session.step(input)
	}
	return nil
}

func (s *stream) land(call uint64) (flight, bool) {
	s.link.mutex.Lock()
	defer s.link.mutex.Unlock()
	f, waits := s.flights[call]
	delete(s.flights, call)
	return f, waits
}

// input is a reply in the words of package session.
func (l *link) input(correlation session.Correlation, reply wire.Reply) (session.Input, error) {
	switch answer := reply.Answer.(type) {
	case lockfsm.Result:
		l.client.trouble.Store(nil)
		return session.Answer{Correlation: correlation, Result: answer}, nil
	case server.Refusal:
		l.client.note(l.address, &RefusedError{Operation: "command", Reason: answer.Reason, Detail: answer.Detail})
		return session.Refusal{
			Correlation: correlation,
			Reason:      reasons[answer.Reason],
			Leader:      l.client.locate(reply.Leader),
			Detail:      answer.Detail,
		}, nil
	}
	return nil, fmt.Errorf("the server answered a command with a %T", reply.Answer)
}

var reasons = map[server.Reason]session.Reason{
	server.NotLeader:  session.NotLeader,
	server.Overloaded: session.Overloaded,
	server.Invalid:    session.Invalid,
	server.DiskFull:   session.DiskFull,
	server.Stopping:   session.Stopping,
	server.Unknown:    session.FateUnknown,
}

// signal wakes who waits on a channel of one place, unless it was signalled already.
func signal(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
