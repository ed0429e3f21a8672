package transport

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/wire"
)

// PeersConfig sets up a member's connections to the others.
type PeersConfig struct {
	Self     raft.ID
	Listener net.Listener
	// Addresses are where the other members listen at first, as host:port: see Peers.Meet.
	Addresses map[raft.ID]string
	// TLS, when not nil, is for both directions: with client certificates asked for, it is mutual.
	TLS *tls.Config
	// Supports is the latest version that this member's program can read. What needs a later one ends its connection, and the next handshake says why.
	Supports lockfsm.Version
	// Hello is what this member says of itself now, to another one.
	Hello func(to raft.ID) wire.Hello
	// Judge decides whether whoever says this is welcome; its error is told to the other side, so it should name
	// the cause in a sentence that makes sense there. It may be called from several goroutines at once.
	Judge func(wire.Hello) error
	// Deliver takes what a member sent, and owns the slice. It may block, which holds that member up.
	Deliver func([]raft.Envelope)
	// Lost is told that messages to a member were lost on this side. It may block for a moment.
	Lost func(raft.ID)
	// Closed is told that the connection on which a member sends has ended, and not because it dialled anew. It may block for a moment.
	Closed func(raft.ID)
	// Patience is how long a connection may swallow what is written to it without any sign of
	// life from the other side before it is given up. Positive.
	Patience time.Duration
	Logger   *slog.Logger
}

// Peers are the connections to the other members. Make them with NewPeers.
type Peers struct {
	config PeersConfig
	links  atomic.Pointer[[]*link] // by member, rising; replaced as a whole

	mutex sync.Mutex
	// era counts Reintroduce: a handshake that began in an earlier one is void.
	era      uint64
	closed   bool
	open     map[net.Conn]struct{} // every connection, in both directions
	inbound  map[raft.ID]net.Conn  // the connection on which a member sends
	verdicts map[relation]string   // what was logged of it last, so that a retry is not logged again

	spoken   atomic.Uint32 // the version in force
	refusals atomic.Uint64
	damages  atomic.Uint64
	dialling context.Context // ends with Close
	hangUp   context.CancelFunc
	running  sync.WaitGroup
}

// NewPeers begins to listen and to dial.
func NewPeers(config PeersConfig) *Peers {
	if config.Patience <= 0 || config.Supports < lockfsm.Oldest {
		panic("transport: peers need patience, and a version")
	}
	p := &Peers{
		config: config,
		open:   map[net.Conn]struct{}{}, inbound: map[raft.ID]net.Conn{}, verdicts: map[relation]string{},
	}
	p.dialling, p.hangUp = context.WithCancel(context.Background())
	p.links.Store(new([]*link))
	p.Meet(config.Addresses)
	p.running.Go(p.listen)
	return p
}

// Meet makes the members with these addresses those that are dialled, and no others: members come, go and move. A link that stays as it is
// is not disturbed. Who is not met any more is not listened to either.
func (p *Peers) Meet(addresses map[raft.ID]string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.closed {
		return
	}
	var links []*link
	for _, l := range p.all() {
		if addresses[l.member] == l.address {
			links = append(links, l)
			continue
		}
		l.hangUp()
		if before := p.inbound[l.member]; before != nil {
			_ = before.Close() // its reader notices
		}
	}
	for id, address := range addresses {
		if id != p.config.Self && !slices.ContainsFunc(links, func(l *link) bool { return l.member == id }) {
			l := newLink(p, id, address)
			links = append(links, l)
			p.running.Go(l.run)
		}
	}
	slices.SortFunc(links, func(a, b *link) int { return cmp.Compare(a.member, b.member) })
	p.links.Store(&links)
}

func (p *Peers) all() []*link { return *p.links.Load() }

// Send queues envelopes for their members. It never blocks: what can't be queued is lost, counted, and
// reported by Lost later. The slice is not kept, the messages are.
func (p *Peers) Send(envelopes []raft.Envelope) {
	for i := range envelopes {
		if l := p.link(envelopes[i].To); l != nil {
			l.add(envelopes[i])
		}
	}
	for _, l := range p.all() {
		l.wakeUp()
	}
}

// Speak makes the version in force the one in which everything is said from now on.
func (p *Peers) Speak(v lockfsm.Version) { p.spoken.Store(uint32(v)) }

func (p *Peers) version() lockfsm.Version { return lockfsm.Version(p.spoken.Load()) }

func (p *Peers) link(member raft.ID) *link {
	for _, l := range p.all() {
		if l.member == member {
			return l
		}
	}
	return nil
}

// Reintroduce closes every connection, so that all handshakes are held again: what this
// member says of itself has changed.
func (p *Peers) Reintroduce() {
	p.mutex.Lock()
	p.era++
	open := slices.Collect(maps.Keys(p.open))
	p.mutex.Unlock()
	closeAll(open)
	for _, l := range p.all() {
		l.hurry()
	}
}

// Close ends all connections and waits for their goroutines.
func (p *Peers) Close() error {
	p.mutex.Lock()
	if p.closed {
		p.mutex.Unlock()
		return nil
	}
	p.closed = true
	open := slices.Collect(maps.Keys(p.open))
	p.mutex.Unlock()
	closeAll(open)
	p.hangUp()
	err := p.config.Listener.Close()
	p.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// closeAll ends connections, all at once: one with TLS says goodbye first, which may take a while.
func closeAll(connections []net.Conn) {
	var closing sync.WaitGroup
	for _, connection := range connections {
		closing.Go(func() { _ = connection.Close() }) // whoever reads or writes it notices
	}
	closing.Wait()
}

// adopt puts a connection under the care of Close and Reintroduce. It tells the era in which it was.
func (p *Peers) adopt(connection net.Conn) (era uint64, ok bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.closed {
		return 0, false
	}
	p.open[connection] = struct{}{}
	return p.era, true
}

// valid tells whether a handshake that began in an era was not overtaken by Reintroduce or Close.
func (p *Peers) valid(era uint64) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return !p.closed && p.era == era
}

func (p *Peers) discard(connection net.Conn) {
	_ = connection.Close() // it is broken or was ended on purpose: nothing depends on how it closes
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.open, connection)
}

// relation is one direction of the traffic with a member.
type relation struct {
	member    raft.ID
	direction string // "incoming" or "outgoing"
}

// note logs what has become of the relation to a member, unless it was logged before, or this side ended it.
func (p *Peers) note(member raft.ID, direction string, err error) {
	if errors.Is(err, net.ErrClosed) {
		return
	}
	verdict := "connected"
	if err != nil {
		verdict = err.Error()
	}
	of := relation{member, direction}
	p.mutex.Lock()
	known := p.verdicts[of] == verdict || p.closed
	p.verdicts[of] = verdict
	p.mutex.Unlock()
	if known {
		return
	}
	refused := new(Refused)
	switch logger := p.config.Logger.With("peer", uint64(member)); {
	case err == nil:
		logger.Info("peer connected", "direction", direction)
	case errors.As(err, &refused) && refused.ByPeer:
		logger.Warn("refused by peer", "reason", refused.Reason)
	case errors.As(err, &refused):
		logger.Warn("peer refused", "reason", refused.Reason)
	default:
		logger.Warn("peer lost or not reached", "direction", direction, "cause", err)
	}
}

// PeerStatistics tell about one member's link.
type PeerStatistics struct {
	Member    raft.ID
	Connected bool
	Refusal   string // why the last handshake was refused; empty: it was not
	Queued    int    // messages
	Sent      uint64 // messages
	SentBytes uint64
	Dropped   uint64 // messages lost because the queue was full or there was no connection
	Overflows uint64 // of those, because the queue was full
}

// Statistics tell about each link, by member.
func (p *Peers) Statistics() []PeerStatistics {
	links := p.all()
	all := make([]PeerStatistics, len(links))
	for i, l := range links {
		all[i] = l.statistics()
	}
	return all
}

// Refusals counts handshakes that ended in a refusal.
func (p *Peers) Refusals() uint64 { return p.refusals.Load() }

// Damages counts connections that were closed because what came on them could not be read.
func (p *Peers) Damages() uint64 { return p.damages.Load() }
