package transport_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/transport"
	"lockd/wire"
)

const patience = 20 * time.Second

func await(t testing.TB, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, time.Millisecond)
}

// member is one end of connections between members, with everything that reached it.
type member struct {
	*transport.Peers
	id       raft.ID
	listener net.Listener

	mutex   sync.Mutex
	got     []raft.Envelope
	lost    int
	closed  int
	log     bytes.Buffer
	verdict error         // what it answers to every hello
	stuck   chan struct{} // not nil: it takes nothing until this is closed
}

func (m *member) Write(p []byte) (int, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.log.Write(p)
}

func (m *member) logged(text string) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return strings.Contains(m.log.String(), text)
}

func (m *member) received() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return len(m.got)
}

func (m *member) deliver(envelopes []raft.Envelope) {
	m.mutex.Lock()
	stuck := m.stuck
	m.got = append(m.got, envelopes...)
	m.mutex.Unlock()
	if stuck != nil {
		<-stuck
	}
}

func (m *member) losses() int { m.mutex.Lock(); defer m.mutex.Unlock(); return m.lost }

func (m *member) ended() int { m.mutex.Lock(); defer m.mutex.Unlock(); return m.closed }

func (m *member) connected(to raft.ID) bool {
	for _, s := range m.Statistics() {
		if s.Member == to {
			return s.Connected
		}
	}
	return false
}

// newMembers makes members that know each other's addresses, changed by adjust, if it is given, before they start.
func newMembers(t testing.TB, size int, adjust func(*member, *transport.PeersConfig)) []*member {
	all, addresses := make([]*member, size), map[raft.ID]string{}
	for i := range all {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		all[i] = &member{id: raft.ID(i + 1), listener: listener}
		addresses[all[i].id] = listener.Addr().String()
	}
	for _, m := range all {
		config := transport.PeersConfig{
			Self: m.id, Listener: m.listener, Addresses: addresses, Patience: patience, Supports: lockfsm.Newest,
			Hello:   func(to raft.ID) wire.Hello { return wire.Hello{From: m.id, To: to, Incarnation: 7} },
			Judge:   func(wire.Hello) error { m.mutex.Lock(); defer m.mutex.Unlock(); return m.verdict },
			Deliver: m.deliver,
			Lost:    func(raft.ID) { m.mutex.Lock(); defer m.mutex.Unlock(); m.lost++ },
			Closed:  func(raft.ID) { m.mutex.Lock(); defer m.mutex.Unlock(); m.closed++ },
			Logger:  slog.New(slog.NewTextHandler(m, nil)),
		}
		if adjust != nil {
			adjust(m, &config)
		}
		m.Peers = transport.NewPeers(config)
		t.Cleanup(func() { require.NoError(t, m.Close()) })
	}
	return all
}

func entries(bytes int) raft.Message {
	return &raft.Append{Term: 1, Entries: []raft.Entry{{Index: 1, Term: 1, Kind: raft.KindCommand, Data: make([]byte, bytes)}}}
}

func TestMembersHearEachOtherInOrder(t *testing.T) {
	all := newMembers(t, 3, nil)
	a, b := all[0], all[1]
	await(t, func() bool { return a.connected(2) && b.connected(1) })
	for i := range 100 {
		a.Send([]raft.Envelope{{From: 1, To: 2, Message: &raft.StaleTerm{Term: raft.Term(i)}}, {From: 1, To: 3, Message: &raft.StaleTerm{}}})
	}
	await(t, func() bool { return b.received() == 100 })
	for i, e := range b.got {
		require.Equal(t, raft.Envelope{From: 1, To: 2, Incarnation: 7, Message: &raft.StaleTerm{Term: raft.Term(i)}}, e, "as the hello has it")
	}
}

// Members come and go: one that is met late is dialled, one that is not met any more is left alone, and the others notice nothing.
func TestMembersComeAndGo(t *testing.T) {
	all := newMembers(t, 3, func(m *member, config *transport.PeersConfig) {
		if m.id == 1 {
			config.Addresses = nil
		}
	})
	a, b, c := all[0], all[1], all[2]
	at := func(m *member) string { return m.listener.Addr().String() }
	await(t, func() bool { return b.connected(3) && c.connected(2) && b.connected(1) })
	require.Empty(t, a.Statistics())
	a.Meet(map[raft.ID]string{1: at(a), 2: at(b)})
	await(t, func() bool { return a.connected(2) })
	a.Meet(map[raft.ID]string{2: at(b), 3: at(c)})
	await(t, func() bool { return a.connected(3) })
	a.Send([]raft.Envelope{{From: 1, To: 2, Message: &raft.StaleTerm{}}, {From: 1, To: 3, Message: &raft.StaleTerm{}}})
	await(t, func() bool { return b.received() == 1 && c.received() == 1 })
	require.Zero(t, a.losses(), "the connection to 2 went on")

	a.Meet(map[raft.ID]string{3: at(c)})
	await(t, func() bool { return b.ended() > 0 })
	require.Len(t, a.Statistics(), 1)
	a.Meet(map[raft.ID]string{3: at(b)})
	await(t, func() bool { return a.logged("member 2 answers at") })
}

func TestARefusalIsToldToBothSides(t *testing.T) {
	all := newMembers(t, 2, func(m *member, _ *transport.PeersConfig) {
		if m.id == 2 {
			m.verdict = errors.New("member 1 smells of another cluster")
		}
	})
	for _, m := range all {
		await(t, func() bool { return m.logged("member 1 smells of another cluster") })
		require.False(t, m.connected(1) || m.connected(2))
	}
	await(t, func() bool { return strings.Contains(all[0].Statistics()[0].Refusal, "smells") })
	require.NotZero(t, all[1].Refusals())
	require.True(t, all[0].logged("refused by peer"))
	require.True(t, all[1].logged("peer refused"))
}

func TestReintroducingHoldsEveryHandshakeAgain(t *testing.T) {
	all := newMembers(t, 2, nil)
	a, b := all[0], all[1]
	await(t, func() bool { return a.connected(2) && b.connected(1) })
	b.mutex.Lock()
	b.verdict = errors.New("not any more")
	b.mutex.Unlock()
	b.Reintroduce()
	await(t, func() bool { return a.logged("not any more") && !a.connected(2) && !b.connected(1) })
}

func TestAMemberThatReturnsIsDialledAtOnce(t *testing.T) {
	var config transport.PeersConfig
	all := newMembers(t, 2, func(m *member, c *transport.PeersConfig) {
		if m.id == 2 {
			config = *c
		}
	})
	a, b := all[0], all[1]
	await(t, func() bool { return a.connected(2) && b.connected(1) })
	require.NoError(t, b.Close())
	await(t, func() bool { return !a.connected(2) && a.logged("peer lost") })
	a.mutex.Lock()
	require.NotZero(t, a.lost, "consensus must know that messages may be gone")
	a.mutex.Unlock()
	await(t, func() bool { a.mutex.Lock(); defer a.mutex.Unlock(); return a.closed == 1 }) // and that nobody may be there

	var err error
	config.Listener, err = net.Listen("tcp", config.Listener.Addr().String())
	require.NoError(t, err)
	again := transport.NewPeers(config)
	defer func() { require.NoError(t, again.Close()) }()
	await(t, func() bool { return a.connected(2) })
}

func TestWhatAStuckMemberDoesNotTakeIsDroppedCountedAndReported(t *testing.T) {
	stuck := make(chan struct{})
	all := newMembers(t, 2, func(m *member, _ *transport.PeersConfig) {
		if m.id == 2 {
			m.stuck = stuck
		}
	})
	a := all[0]
	await(t, func() bool { return a.connected(2) })
	await(t, func() bool {
		a.Send([]raft.Envelope{{From: 1, To: 2, Message: entries(4 << 20)}})
		s := a.Statistics()[0]
		require.LessOrEqual(t, s.Queued, 9, "the queue is bounded by bytes")
		return s.Overflows > 0
	})
	require.NotZero(t, a.Statistics()[0].Dropped)
	close(stuck)
	await(t, func() bool { a.mutex.Lock(); defer a.mutex.Unlock(); return a.lost > 0 })
	require.True(t, a.connected(2), "the connection itself is sound")
}

// pose connects to a member as another one would, and returns the connection after the handshake.
func pose(t *testing.T, as, to *member) net.Conn {
	connection, err := net.Dial("tcp", to.listener.Addr().String())
	require.NoError(t, err)
	hello := wire.AppendHello(nil, wire.Hello{From: as.id, To: to.id})
	_, err = connection.Write(wire.AppendFrame(wire.AppendFrame(nil, hello), nil))
	require.NoError(t, err)
	frames := wire.NewFrameReader(connection)
	_, err = frames.Next()
	require.NoError(t, err)
	verdict, err := frames.Next()
	require.NoError(t, err)
	require.Empty(t, verdict)
	return connection
}

func TestAMemberThatOnlyDialledAnewHasNotGoneAway(t *testing.T) {
	all := newMembers(t, 2, nil)
	a, b := all[0], all[1]
	require.NoError(t, a.Close()) // the test speaks in its place
	await(t, func() bool { return b.Open() == 0 })
	b.mutex.Lock()
	before := b.closed
	b.mutex.Unlock()
	first := pose(t, a, b)
	defer func() { _ = first.Close() }()
	await(t, func() bool { return b.Open() == 1 })
	second := pose(t, a, b)
	defer func() { _ = second.Close() }()
	_, err := first.Read(make([]byte, 1))
	require.Error(t, err, "the new connection replaces the old one")
	await(t, func() bool { return b.Open() == 1 })
	b.mutex.Lock()
	require.Equal(t, before, b.closed)
	b.mutex.Unlock()
	require.NoError(t, second.Close())
	await(t, func() bool { b.mutex.Lock(); defer b.mutex.Unlock(); return b.closed == before+1 })
}

// foreign is a hello of a version of the protocol that is not spoken yet.
func foreign() []byte {
	hello := wire.AppendHello(nil, wire.Hello{From: 1, To: 2})
	hello[len("lockd")]++
	return wire.AppendFrame(nil, hello)
}

func TestAnotherVersionOfTheProtocolIsNamedToBothSides(t *testing.T) {
	all := newMembers(t, 2, nil)
	a, b := all[0], all[1]
	require.NoError(t, a.Close()) // the test speaks in its place
	const why = "the versions of the protocol differ: 4 is refused where 3 is spoken"
	listens := func(connection net.Conn) { // to a hello of version 1, and why the own one is refused
		frames := wire.NewFrameReader(connection)
		hello, err := frames.Next()
		require.NoError(t, err)
		_, err = wire.DecodeHello(hello)
		require.NoError(t, err)
		verdict, err := frames.Next()
		require.NoError(t, err)
		require.Equal(t, why, string(verdict))
		require.NoError(t, connection.Close())
	}

	dialled, err := net.Dial("tcp", b.listener.Addr().String())
	require.NoError(t, err)
	_, err = dialled.Write(foreign())
	require.NoError(t, err)
	listens(dialled)
	await(t, func() bool { return b.logged(why) && b.Refusals() > 0 })

	listener, err := net.Listen("tcp", a.listener.Addr().String())
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	accepted, err := listener.Accept()
	require.NoError(t, err)
	_, err = accepted.Write(foreign())
	require.NoError(t, err)
	listens(accepted)
	await(t, func() bool { return strings.Contains(b.Statistics()[0].Refusal, why) })
}

func TestDamageOnAConnectionEndsItAndIsNamed(t *testing.T) {
	envelope := wire.AppendFrame(nil, wire.AppendEnvelope(nil, lockfsm.Oldest, raft.Envelope{From: 1, To: 2, Message: &raft.StaleTerm{Term: 9}}))
	corrupt := bytes.Clone(envelope)
	corrupt[len(corrupt)-1] ^= 1
	for cause, sent := range map[string][]byte{
		"frame is corrupt":                corrupt,
		"frame is truncated":              envelope[:len(envelope)-1],
		"frame is oversized":              {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		"malformed envelope":              wire.AppendFrame(nil, []byte{200}),
		"sent a message from member 3 to": wire.AppendFrame(nil, wire.AppendEnvelope(nil, lockfsm.Oldest, raft.Envelope{From: 3, To: 2, Message: &raft.StaleTerm{}})),
	} {
		t.Run(cause, func(t *testing.T) {
			all := newMembers(t, 2, nil)
			a, b := all[0], all[1]
			require.NoError(t, a.Close()) // the test speaks in its place
			connection := pose(t, a, b)
			defer func() { _ = connection.Close() }()
			_, err := connection.Write(append(bytes.Clone(envelope), sent...))
			require.NoError(t, err)
			_ = connection.(*net.TCPConn).CloseWrite() // the other side may have closed it by now
			await(t, func() bool { return b.logged(cause) })
			require.Equal(t, 1, b.received(), "what came whole before it is delivered")
			require.EqualValues(t, 1, b.Damages())

			again := pose(t, a, b)
			defer func() { _ = again.Close() }()
			_, err = again.Write(envelope)
			require.NoError(t, err)
			await(t, func() bool { return b.received() == 2 })
		})
	}
}
