package transport

import (
	"io"
	"iter"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

const (
	// maxFrameReplies bounds the replies packed into one frame, of which one at most is a page: so a frame stays
	// well below MaxResponse.
	maxFrameReplies = 512
	// maxPages bounds the pages in flight on one stream: a page is as large as hundreds of other answers.
	maxPages = 64
)

// conversation is one Connect stream. A goroutine of its own reads; the handler's writes.
type conversation struct {
	clients *Clients
	stream  grpc.BidiStreamingServer[lockdv1.ClientFrame, lockdv1.ServerFrame]
	wake    chan struct{} // there are replies

	mutex   sync.Mutex
	sent    sync.Cond // replies were sent, or will never be
	replies []wire.Reply
	open    map[server.CallID]claim // handed to the node, and not answered
	claimed claim                   // the sum of open
	unsent  int                     // pages in replies
	over    bool                    // nobody reads the replies any more
}

// claim is what a call in flight takes up beyond its place.
type claim struct {
	waits int // 1: it is ready to wait for a lock. At most half of the calls are, so that renewals always find room
	pages int // 1: it asks for a page of locks, waiters or sessions. At most maxPages do
}

func claimOf(request server.Request) claim {
	switch r := request.(type) {
	case lockfsm.Acquire:
		if r.Wait != lockfsm.NoWait {
			return claim{waits: 1}
		}
	case server.Show, server.List, server.Sessions:
		return claim{pages: 1}
	}
	return claim{}
}

// Connect carries a client's whole traffic over one stream.
func (c *Clients) Connect(stream grpc.BidiStreamingServer[lockdv1.ClientFrame, lockdv1.ServerFrame]) error {
	talk := &conversation{
		clients: c, stream: stream, wake: make(chan struct{}, 1), open: map[server.CallID]claim{},
	}
	talk.sent.L = &talk.mutex
	c.streams.Add(1)
	defer c.streams.Add(-1)
	ended := make(chan error, 1)
	go func() { ended <- talk.read() }()
	err := talk.write(ended)
	talk.hangUp()
	return err
}

// read takes frames until the stream ends, which it does at the latest when the handler returns. Nil: the client has
// nothing more to ask, but may wait for answers.
func (t *conversation) read() error {
	for {
		t.awaitReader()
		frame, err := t.stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if n := len(frame.GetCalls()); n > MaxFrameCalls {
			return status.Errorf(codes.InvalidArgument, "a frame of %d calls: %d is the most", n, MaxFrameCalls)
		}
		requests, refused := wire.CallsFromProto(frame)
		calls, overloaded := t.admit(requests)
		t.reply(append(refused, overloaded...)...)
		if len(calls) > 0 {
			t.clients.config.Call(calls)
			t.hangUpLate(calls)
		}
	}
}

// awaitReader waits while the client does not read its replies: what it would ask now could only add to them.
func (t *conversation) awaitReader() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for (len(t.replies) >= t.clients.config.MaxStreamCalls || t.unsent >= maxPages) && !t.over {
		t.sent.Wait()
	}
}

// hangUpLate hangs up calls that were handed to the node when the stream had just ended: the hang-up of all that was open
// may have reached the node before them.
func (t *conversation) hangUpLate(calls []Call) {
	t.mutex.Lock()
	over := t.over
	t.mutex.Unlock()
	if !over {
		return
	}
	ids := make([]server.CallID, len(calls))
	for i := range calls {
		ids[i] = calls[i].ID
	}
	t.clients.config.Hangup(ids)
}

// admit makes calls of requests, as many as may be in flight.
func (t *conversation) admit(requests []wire.Call) (calls []Call, refused []wire.Reply) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	calls = make([]Call, 0, len(requests))
	for _, r := range requests {
		if t.over {
			break
		}
		claim := claimOf(r.Request)
		if !t.roomFor(claim) {
			refused = append(refused, wire.Reply{ID: r.ID, Answer: server.Refusal{
				Reason: server.Overloaded, Detail: "too many calls are in flight on this stream",
			}})
			continue
		}
		id := t.clients.nextCall()
		t.open[id] = claim
		t.claimed.waits += claim.waits
		t.claimed.pages += claim.pages
		calls = append(calls, Call{ID: id, Request: r.Request, Caller: &streamCall{t, id, r.ID}})
	}
	return calls, refused
}

func (t *conversation) roomFor(c claim) bool {
	bound := t.clients.config.MaxStreamCalls
	return len(t.open) < bound &&
		(c.waits == 0 || 2*t.claimed.waits < bound) &&
		(c.pages == 0 || t.claimed.pages < maxPages)
}

// streamCall is one call of a stream.
type streamCall struct {
	conversation *conversation
	id           server.CallID
	number       uint64 // the client's
}

func (s *streamCall) Answer(answer server.Answer, leader wire.Address) {
	t := s.conversation
	t.mutex.Lock()
	claim := t.open[s.id]
	delete(t.open, s.id)
	t.claimed.waits -= claim.waits
	t.claimed.pages -= claim.pages
	t.unsent += claim.pages
	t.replies = append(t.replies, wire.Reply{ID: s.number, Answer: answer, Leader: leader})
	t.mutex.Unlock()
}

func (s *streamCall) Wake() { signal(s.conversation.wake) }

// reply queues replies. A client that reads none gets at most those of the calls in flight, of which there are
// MaxStreamCalls, beside MaxStreamCalls that were queued when awaitReader let its last frame in, and MaxFrameCalls that
// refuse what is in that frame. Of all these, twice maxPages are pages.
func (t *conversation) reply(replies ...wire.Reply) {
	if len(replies) == 0 {
		return
	}
	t.mutex.Lock()
	t.replies = append(t.replies, replies...)
	t.mutex.Unlock()
	signal(t.wake)
}

// write sends replies until the stream breaks or the node stops, or until everything is answered that
// a client asked before it closed its direction.
func (t *conversation) write(ended <-chan error) error {
	for last := false; !last || !t.idle(); {
		select {
		case <-t.wake:
			if err := t.flush(); err != nil {
				return err
			}
		case err := <-ended:
			if err != nil {
				return err
			}
			last, ended = true, nil
		case <-t.stream.Context().Done():
			return t.stream.Context().Err()
		case <-t.clients.closing:
			if err := t.flush(); err != nil {
				return err
			}
			return errStopping
		}
	}
	return nil
}

// idle tells that every call was answered, and every answer sent.
func (t *conversation) idle() bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return len(t.open) == 0 && len(t.replies) == 0
}

func (t *conversation) flush() error {
	t.mutex.Lock()
	replies := t.replies
	t.replies, t.unsent = nil, 0
	t.sent.Signal()
	t.mutex.Unlock()
	for frame := range frames(replies) {
		if err := t.stream.Send(wire.RepliesToProto(frame)); err != nil {
			return err
		}
	}
	return nil
}

// frames cuts replies into what one frame may hold. A page is the last in its frame.
func frames(replies []wire.Reply) iter.Seq[[]wire.Reply] {
	return func(yield func([]wire.Reply) bool) {
		begin := 0
		for i := range replies {
			if !isPage(replies[i].Answer) && i+1-begin < maxFrameReplies {
				continue
			}
			if !yield(replies[begin : i+1]) {
				return
			}
			begin = i + 1
		}
		if begin < len(replies) {
			yield(replies[begin:])
		}
	}
}

func isPage(answer server.Answer) bool {
	switch answer.(type) {
	case server.Shown, server.Listed, server.SessionsListed:
		return true
	}
	return false
}

// hangUp tells the node that nobody waits for what is still open.
func (t *conversation) hangUp() {
	t.mutex.Lock()
	t.over = true
	t.sent.Signal()
	ids := make([]server.CallID, 0, len(t.open))
	for id := range t.open {
		ids = append(ids, id)
	}
	t.mutex.Unlock()
	if len(ids) > 0 {
		t.clients.config.Hangup(ids)
	}
}
