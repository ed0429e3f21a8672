package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"lockd/raft"
	"lockd/wire"
)

// Bounds of a link. The queue is above what consensus has in flight to one member, so that it overflows
// only when the member does not take anything.
const (
	maxQueued      = 4096     // messages
	maxQueuedBytes = 32 << 20 // of entries and chunks; a single message may exceed it

	maxKept = 1 << 20 // bytes of buffer kept for the next batch

	redialFirst = 10 * time.Millisecond
	redialMost  = time.Second
	dialTimeout = 2 * time.Second
)

// link sends to one member.
type link struct {
	peers   *Peers
	member  raft.ID
	address string
	living  context.Context // ends when the member is not met any more, or with the peers
	hangUp  context.CancelFunc
	wake    chan struct{} // there is something in the queue
	soon    chan struct{} // dial now: the member has just been heard of

	mutex     sync.Mutex
	connected bool
	queue     []raft.Envelope
	queued    int  // bytes
	missed    bool // something was dropped since Lost was told
	counts    PeerStatistics
}

func newLink(peers *Peers, member raft.ID, address string) *link {
	l := &link{
		peers: peers, member: member, address: address,
		wake: make(chan struct{}, 1), soon: make(chan struct{}, 1),
	}
	l.living, l.hangUp = context.WithCancel(peers.dialling)
	return l
}

func (l *link) add(envelope raft.Envelope) {
	size := weight(envelope.Message)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch {
	case !l.connected:
		l.counts.Dropped++
	case len(l.queue) >= maxQueued || len(l.queue) > 0 && l.queued+size > maxQueuedBytes:
		l.counts.Dropped++
		l.counts.Overflows++
		l.missed = true
	default:
		l.queue = append(l.queue, envelope)
		l.queued += size
	}
}

// weight is about how many bytes of payload a message holds.
func weight(message raft.Message) int {
	switch m := message.(type) {
	case *raft.Append:
		bytes := 0
		for i := range m.Entries {
			bytes += len(m.Entries[i].Data)
		}
		return bytes
	case *raft.Chunk:
		return len(m.Data)
	case *raft.Bequest:
		return len(m.Data)
	}
	return 0
}

func (l *link) wakeUp() {
	l.mutex.Lock()
	waiting := len(l.queue) > 0
	l.mutex.Unlock()
	if waiting {
		signal(l.wake)
	}
}

func (l *link) hurry() { signal(l.soon) }

// signal leaves a note for whoever waits; one that lies there already will do.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run dials for as long as the peers live.
func (l *link) run() {
	pause := redialFirst
	for {
		began := time.Now()
		connected, err := l.connect()
		l.peers.note(l.member, "outgoing", err)
		l.setRefusal(err)
		if connected && time.Since(began) > redialMost {
			pause = redialFirst
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-l.living.Done():
			timer.Stop()
			return
		case <-l.soon:
			pause = redialFirst
		case <-timer.C:
			pause = min(2*pause, redialMost)
		}
		timer.Stop()
	}
}

// connect is one connection from its dialling to its end.
func (l *link) connect() (connected bool, err error) {
	connection, err := l.dial()
	if err != nil {
		return false, err
	}
	defer l.peers.discard(connection)
	defer context.AfterFunc(l.living, func() { _ = connection.Close() })() // whoever reads or writes it notices
	era, ok := l.peers.adopt(connection)
	if !ok {
		return false, net.ErrClosed
	}
	if err := l.greet(connection); err != nil {
		return false, err
	}
	if !l.peers.valid(era) {
		return false, net.ErrClosed
	}
	l.peers.note(l.member, "outgoing", nil)
	l.setConnected(true)
	err = l.send(connection)
	l.setConnected(false)
	l.peers.config.Lost(l.member)
	return true, err
}

func (l *link) dial() (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	connection, err := dialer.DialContext(l.living, "tcp", l.address)
	if err != nil {
		return nil, err
	}
	prepare(connection, l.peers.config.Patience)
	if config := l.peers.config.TLS; config != nil {
		config = config.Clone()
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(l.address)
		}
		return tls.Client(connection, config), nil
	}
	return connection, nil
}

func (l *link) greet(connection net.Conn) error {
	config := &l.peers.config
	if err := connection.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	g := greeting{connection: connection, frames: wire.NewFrameReader(connection), judge: func(other wire.Hello) error {
		if other.From != l.member {
			return fmt.Errorf("member %d answers at %s, where member %d should", other.From, l.address, l.member)
		}
		return config.Judge(other)
	}}
	_, err := g.dial(config.Hello(l.member))
	if refused := new(Refused); errors.As(err, &refused) {
		l.peers.refusals.Add(1)
	}
	if err != nil {
		return err
	}
	return connection.SetDeadline(time.Time{})
}

// send writes what is queued, all at once, until the connection ends.
func (l *link) send(connection net.Conn) error {
	ended := l.watch(connection)
	var batch []raft.Envelope
	var frames, payload []byte
	for {
		select {
		case err := <-ended:
			return err
		case <-l.wake:
		}
		batch = l.take(batch)
		frames = frames[:0]
		for i := range batch {
			payload = wire.AppendEnvelope(payload[:0], l.peers.version(), batch[i])
			frames = wire.AppendFrame(frames, payload)
		}
		if err := l.write(connection, frames, len(batch)); err != nil {
			return err
		}
		clear(batch)
		if cap(frames) > maxKept {
			frames, payload = nil, nil // a burst is no reason to hold its memory for ever
		}
	}
}

// watch tells when the connection ends. Nothing is ever said on it to this side, so that a read ends when it does.
func (l *link) watch(connection net.Conn) <-chan error {
	ended := make(chan error, 1)
	l.peers.running.Go(func() {
		_, err := connection.Read(make([]byte, 1))
		switch err {
		case nil:
			err = errors.New("it speaks where it should only listen")
		case io.EOF:
			err = errors.New("it closed the connection")
		}
		ended <- err
	})
	return ended
}

func (l *link) write(connection net.Conn, frames []byte, messages int) error {
	if err := connection.SetWriteDeadline(time.Now().Add(l.peers.config.Patience)); err != nil {
		return err
	}
	if _, err := connection.Write(frames); err != nil {
		return err
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.counts.Sent += uint64(messages)
	l.counts.SentBytes += uint64(len(frames))
	return nil
}

// take swaps the queue for an empty one, and reports it if something had found no place in it.
func (l *link) take(empty []raft.Envelope) []raft.Envelope {
	l.mutex.Lock()
	batch, missed := l.queue, l.missed
	l.queue, l.queued, l.missed = empty[:0], 0, false
	l.mutex.Unlock()
	if missed {
		l.peers.config.Lost(l.member)
	}
	return batch
}

func (l *link) setConnected(connected bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.counts.Dropped += uint64(len(l.queue))
	clear(l.queue)
	l.queue, l.queued, l.missed, l.connected = l.queue[:0], 0, false, connected
}

// setRefusal keeps the reason of a refusal for those who ask why the member is not connected.
func (l *link) setRefusal(err error) {
	refused, reason := new(Refused), ""
	if errors.As(err, &refused) {
		reason = refused.Error()
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.counts.Refusal = reason
}

func (l *link) statistics() PeerStatistics {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	s := l.counts
	s.Member, s.Connected, s.Queued = l.member, l.connected, len(l.queue)
	return s
}
