package library

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"sync"

	"go.etcd.io/raft/v3/raftpb"
)

// network carries etcd-io/raft's messages between its members: frames of a length and a message, one connection for each direction, all that
// waits in one write.
type network struct {
	listener net.Listener
	links    map[uint64]*link
	mutex    sync.Mutex // guards accepted
	accepted []net.Conn
	running  sync.WaitGroup
}

type link struct {
	queue      *inbox[raftpb.Message]
	connection net.Conn
}

func listenAll(count int) ([]net.Listener, error) {
	listeners := make([]net.Listener, count)
	for i := range listeners {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		listeners[i] = listener
	}
	return listeners, nil
}

// newNetwork is the one of the member that has the place self among the listeners.
func newNetwork(listeners []net.Listener, self int, receive func([]raftpb.Message)) *network {
	n := &network{listener: listeners[self], links: map[uint64]*link{}}
	n.running.Go(func() { n.accept(receive) })
	for i, l := range listeners {
		if i == self {
			continue
		}
		to := &link{queue: newInbox[raftpb.Message]()}
		n.links[uint64(i+1)] = to
		connection, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			continue // as if the network had lost everything: nobody will lead
		}
		to.connection = connection
		n.running.Go(to.run)
	}
	return n
}

func (n *network) send(messages []raftpb.Message) {
	for i := range messages {
		if to := n.links[messages[i].To]; to != nil {
			to.queue.post(messages[i])
		}
	}
}

func (n *network) close() {
	_ = n.listener.Close() // nothing depends on how it ends
	for _, l := range n.links {
		l.queue.close()
		if l.connection != nil {
			_ = l.connection.Close()
		}
	}
	n.mutex.Lock()
	for _, c := range n.accepted {
		_ = c.Close()
	}
	n.mutex.Unlock()
	n.running.Wait()
}

func (l *link) run() {
	var messages []raftpb.Message
	var frames []byte
	for {
		var open bool
		if messages, open = l.queue.take(messages); !open {
			return
		}
		if len(messages) == 0 {
			<-l.queue.wake
			continue
		}
		frames = frames[:0]
		for i := range messages {
			frames = appendFrame(frames, &messages[i])
		}
		clear(messages)
		if _, err := l.connection.Write(frames); err != nil {
			return
		}
	}
}

func appendFrame(frames []byte, m *raftpb.Message) []byte {
	size := m.Size()
	frames = binary.LittleEndian.AppendUint32(frames, uint32(size))
	at := len(frames)
	frames = append(frames, make([]byte, size)...)
	if _, err := m.MarshalToSizedBuffer(frames[at:]); err != nil {
		panic(err) // a message that raft has made
	}
	return frames
}

func (n *network) accept(receive func([]raftpb.Message)) {
	for {
		connection, err := n.listener.Accept()
		if err != nil {
			return
		}
		n.mutex.Lock()
		n.accepted = append(n.accepted, connection)
		n.mutex.Unlock()
		n.running.Go(func() { read(connection, receive) })
	}
}

// read hands over many messages at once, if they have come together.
func read(connection net.Conn, receive func([]raftpb.Message)) {
	frames := bufio.NewReaderSize(connection, 1<<18)
	for {
		var messages []raftpb.Message
		for len(messages) == 0 || complete(frames) {
			m, err := readFrame(frames)
			if err != nil {
				return
			}
			messages = append(messages, m)
		}
		receive(messages)
	}
}

func readFrame(frames *bufio.Reader) (m raftpb.Message, err error) {
	var size [4]byte
	if _, err := io.ReadFull(frames, size[:]); err != nil {
		return m, err
	}
	frame := make([]byte, binary.LittleEndian.Uint32(size[:]))
	if _, err := io.ReadFull(frames, frame); err != nil {
		return m, err
	}
	return m, m.Unmarshal(frame)
}

// complete tells whether a whole frame waits in memory.
func complete(frames *bufio.Reader) bool {
	if frames.Buffered() < 4 {
		return false
	}
	size, _ := frames.Peek(4)
	return frames.Buffered() >= 4+int(binary.LittleEndian.Uint32(size))
}
