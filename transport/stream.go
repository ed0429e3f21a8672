package transport

import (
	"io"
	"slices"
	"sync"

	"google.golang.org/grpc"

	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

// maxFrameReplies bounds the replies packed into one frame, so that a frame stays small against MaxResponse.
const maxFrameReplies = 512

// conversation is one Connect stream. A goroutine of its own reads; the handler's writes.
type conversation struct {
	clients *Clients
	stream  grpc.BidiStreamingServer[lockdv1.ClientFrame, lockdv1.ServerFrame]
	wake    chan struct{} // there are replies

	mutex   sync.Mutex
	sent    sync.Cond // replies were sent, or will never be
	replies []wire.Reply
	open    map[server.CallID]int // handed to the node, and not answered: 1 for those ready to wait for a lock, else 0
	patient int                   // the sum of open: at most half of the bound, so that renewals always find room
	over    bool                  // nobody reads the replies any more
}

// Connect carries a client's whole traffic over one stream.
func (c *Clients) Connect(stream grpc.BidiStreamingServer[lockdv1.ClientFrame, lockdv1.ServerFrame]) error {
	talk := &conversation{
		clients: c, stream: stream, wake: make(chan struct{}, 1), open: map[server.CallID]int{},
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

// read takes frames until the stream ends, which it does at the latest when the handler returns.
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
	for len(t.replies) >= t.clients.config.MaxStreamCalls && !t.over {
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
		patience := patience(r.Request)
		if bound := t.clients.config.MaxStreamCalls; len(t.open) >= bound || patience > 0 && 2*t.patient >= bound {
			refused = append(refused, wire.Reply{ID: r.ID, Answer: server.Refusal{
				Reason: server.Overloaded, Detail: "too many calls are in flight on this stream",
			}})
			continue
		}
		id := t.clients.nextCall()
		t.open[id] = patience
		t.patient += patience
		calls = append(calls, Call{ID: id, Request: r.Request, Caller: &streamCall{t, id, r.ID}})
	}
	return calls, refused
}

// patience is one for a request that is ready to wait for a lock.
func patience(request server.Request) int {
	if acquire, is := request.(lockfsm.Acquire); is && acquire.Wait != lockfsm.NoWait {
		return 1
	}
	return 0
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
	t.patient -= t.open[s.id]
	delete(t.open, s.id)
	t.mutex.Unlock()
	t.reply(wire.Reply{ID: s.number, Answer: answer, Leader: leader})
}

// reply queues replies. Their number is bounded by the calls in flight and by awaitReader.
func (t *conversation) reply(replies ...wire.Reply) {
	if len(replies) == 0 {
		return
	}
	t.mutex.Lock()
	t.replies = append(t.replies, replies...)
	t.mutex.Unlock()
	signal(t.wake)
}

// write sends replies until the reader has ended or the node stops, and then what is left of them.
func (t *conversation) write(ended <-chan error) error {
	for {
		select {
		case <-t.wake:
			if err := t.flush(); err != nil {
				return err
			}
		case err := <-ended:
			if err == nil {
				err = t.flush()
			}
			return err
		case <-t.stream.Context().Done():
			return t.stream.Context().Err()
		case <-t.clients.closing:
			if err := t.flush(); err != nil {
				return err
			}
			return errStopping
		}
	}
}

func (t *conversation) flush() error {
	t.mutex.Lock()
	replies := t.replies
	t.replies = nil
	t.sent.Signal()
	t.mutex.Unlock()
	for frame := range slices.Chunk(replies, maxFrameReplies) {
		if err := t.stream.Send(wire.RepliesToProto(frame)); err != nil {
			return err
		}
	}
	return nil
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
