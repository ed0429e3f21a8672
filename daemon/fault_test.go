package daemon_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/wal"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

func TestAWipedMemberIsRefusedAndBothLogsSayWhy(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	c.stop(2)
	c.wipe(2)
	c.start(2)
	c.awaitLog(2, "member 2 lost its data directory")
	await(t, func() bool {
		for _, id := range []raft.ID{1, 3} {
			if !strings.Contains(c.logs[id].String(), "member 2 lost its data directory") {
				return false
			}
		}
		return true
	})
	require.ErrorContains(t, c.nodes[2].Ready(context.Background()), "member 2 lost its data directory")
	_, err := c.clients[2].Status(within(t), &lockdv1.StatusRequest{})
	require.Equal(t, lockdv1.Refusal_NOT_LEADER, wire.RefusalIn(err).GetReason(), err)
	require.NotZero(t, c.acquire("a", c.session(c.clients[c.leader()]), 1), "the others go on")
}

func TestAMemberOfAForeignClusterIsRefused(t *testing.T) {
	t.Parallel()
	ours, theirs := startCluster(t, 3), startCluster(t, 3)
	ours.stop(2)
	theirs.stop(2)
	config := ours.configs[2]
	config.Directory = theirs.configs[2].Directory
	ours.configs[2] = config
	ours.start(2)
	ours.awaitLog(1, "member 2 belongs to another cluster")
	ours.awaitLog(2, "belongs to another cluster")
	require.Error(t, ours.nodes[2].Ready(context.Background()))
}

// shout sends bytes to a port and waits until the other side hangs up.
func shout(t *testing.T, address string, bytes []byte, hangUp bool) {
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	_, err = connection.Write(bytes)
	require.NoError(t, err)
	if hangUp {
		_ = connection.(*net.TCPConn).CloseWrite() // the other side may have closed it by now
	}
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(patience)))
	_, err = io.Copy(io.Discard, connection)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection must be closed")
}

func TestGarbageEndsItsConnectionAndNothingElse(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	node := c.nodes[1]
	hello := wire.AppendFrame(nil, wire.AppendHello(nil, wire.Hello{From: 2, To: 1}))
	corrupt := append([]byte{}, hello...)
	corrupt[len(corrupt)-1] ^= 1

	shout(t, node.PeerAddress(), hello[:len(hello)-3], true)
	c.awaitLog(1, "frame is truncated")
	shout(t, node.PeerAddress(), corrupt, false)
	c.awaitLog(1, "frame is corrupt")
	shout(t, node.PeerAddress(), []byte("GET / HTTP/1.1\r\nHost: lockd\r\n\r\n"), false)
	c.awaitLog(1, "frame is oversized")
	shout(t, node.PeerAddress(), wire.AppendFrame(nil, []byte("good morning")), false)
	c.awaitLog(1, "malformed hello")
	shout(t, node.ClientAddress(), []byte(strings.Repeat("good morning ", 100)), false)
	shout(t, node.HTTPAddress(), []byte("good morning\r\n\r\n"), false)

	require.NotZero(t, c.acquire("a", c.session(c.clients[c.leader()]), 1))
	require.NoError(t, node.Ready(context.Background()))
}

func TestAStrangerWhoPosesAsAMemberIsRefused(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	hello := wire.Hello{Cluster: [16]byte{1}, From: 2, To: 1, Incarnation: 7}
	shout(t, c.nodes[1].PeerAddress(), wire.AppendFrame(nil, wire.AppendHello(nil, hello)), true)
	c.awaitLog(1, "peer refused")
}

// smallDisk is a directory that has room for so many bytes.
type smallDisk struct {
	wal.FS
	room atomic.Int64
}

type smallFile struct {
	wal.File
	disk *smallDisk
}

func (d *smallDisk) Create(name string) (wal.File, error) {
	file, err := d.FS.Create(name)
	return smallFile{file, d}, err
}

func (d *smallDisk) Open(name string) (wal.File, error) {
	file, err := d.FS.Open(name)
	return smallFile{file, d}, err
}

func (f smallFile) Allocate(size int64) error {
	before, err := f.Size()
	if err != nil || size <= before {
		return err
	}
	if f.disk.room.Add(before-size) < 0 {
		f.disk.room.Add(size - before)
		return fmt.Errorf("allocate: %w", wal.ErrDiskFull)
	}
	return f.File.Allocate(size)
}

func TestAFullDiskRefusesAndLosesNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	disks := map[raft.ID]*smallDisk{}
	for id, config := range c.configs {
		require.NoError(t, os.MkdirAll(config.Directory, 0o700))
		disks[id] = &smallDisk{FS: wal.OS(config.Directory)}
		disks[id].room.Store(1 << 40)
		config.Files, config.Limits.SegmentBytes = disks[id], 32<<10
		c.configs[id] = config
		c.start(id)
	}
	first := c.leader()
	session := c.session(c.clients[first])
	setRoom := func(bytes int64) {
		for _, disk := range disks {
			disk.room.Store(bytes)
		}
	}
	setRoom(0)
	granted := map[string]uint64{}
	var refusal *lockdv1.Refusal
	// A leader with a full disk hands over, so it may take more than one question to hear why nobody takes the command.
	for i := 0; refusal.GetReason() != lockdv1.Refusal_DISK_FULL; i++ {
		name := fmt.Sprint("lock-", i)
		result, err := c.clients[c.leader()].Acquire(within(t), &lockdv1.AcquireRequest{Name: name, Session: session, Value: strings.Repeat("v", 4000)})
		if refusal = wire.RefusalIn(err); refusal == nil {
			require.NoError(t, err)
			granted[name] = result.GetToken()
		}
		require.Less(t, i, 10_000)
	}
	require.Greater(t, len(granted), 3)

	setRoom(1 << 40)
	await(t, func() bool {
		_, err := c.clients[c.leader()].Acquire(within(t), &lockdv1.AcquireRequest{Name: "after", Session: session})
		return err == nil
	})
	c.awaitLog(first, "disk full")
	c.awaitLog(first, "disk has room again")
	for name, token := range granted {
		checked, err := c.clients[c.leader()].Check(within(t), &lockdv1.CheckRequest{Name: name, Token: token})
		require.NoError(t, err)
		require.True(t, checked.GetValid(), name)
	}
}

// brokenDisk fails every sync once it is broken.
type brokenDisk struct {
	wal.FS
	broken atomic.Bool
}

type brokenFile struct {
	wal.File
	disk *brokenDisk
}

func (d *brokenDisk) Create(name string) (wal.File, error) {
	file, err := d.FS.Create(name)
	return brokenFile{file, d}, err
}

func (f brokenFile) Sync() error {
	if f.disk.broken.Load() {
		return io.ErrUnexpectedEOF
	}
	return f.File.Sync()
}

func TestAFailedSyncEndsTheNode(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	disks := map[raft.ID]*brokenDisk{}
	for id, config := range c.configs {
		require.NoError(t, os.MkdirAll(config.Directory, 0o700))
		disks[id] = &brokenDisk{FS: wal.OS(config.Directory)}
		config.Files = disks[id]
		c.configs[id] = config
		c.start(id)
	}
	leader := c.leader()
	session := c.session(c.clients[leader])
	disks[leader].broken.Store(true)
	_, err := c.clients[leader].Acquire(within(t), &lockdv1.AcquireRequest{Name: "a", Session: session, Sequence: 1})
	if err != nil { // the others may have kept it before the sync failed
		require.Equal(t, lockdv1.Refusal_UNKNOWN, wire.RefusalIn(err).GetReason(), err)
	}
	<-c.nodes[leader].Done()
	require.ErrorIs(t, c.nodes[leader].Err(), io.ErrUnexpectedEOF)
	delete(c.nodes, leader)
	require.NotZero(t, c.acquire("a", session, 1), "the others go on")
}

func TestAFormedMemberJudgesEverybodyAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.start(1)
	c.start(2)
	// The test is member 3, as far as the others can see.
	pose := func(to raft.ID, membership raft.Membership) (net.Conn, wire.Hello) {
		connection, err := net.Dial("tcp", c.members[to])
		require.NoError(t, err)
		t.Cleanup(func() { _ = connection.Close() })
		hello := wire.Hello{From: 3, To: to, Incarnation: 33, Membership: membership}
		_, err = connection.Write(wire.AppendFrame(wire.AppendFrame(nil, wire.AppendHello(nil, hello)), nil))
		require.NoError(t, err)
		payload, err := wire.NewFrameReader(connection).Next()
		require.NoError(t, err)
		theirs, err := wire.DecodeHello(payload)
		require.NoError(t, err)
		return connection, theirs
	}
	var membership raft.Membership
	for _, id := range []raft.ID{1, 2} {
		_, hello := pose(id, raft.Membership{})
		membership.Members = append(membership.Members, raft.Member{ID: id, Incarnation: hello.Incarnation})
	}
	membership.Members = append(membership.Members, raft.Member{ID: 3, Incarnation: 33})
	c.awaitLog(1, "promised to found a cluster")
	c.awaitLog(2, "promised to found a cluster")
	var posed []net.Conn
	for _, id := range []raft.ID{1, 2} {
		connection, _ := pose(id, membership)
		posed = append(posed, connection)
	}
	c.awaitLog(1, "cluster formed")
	c.awaitLog(2, "cluster formed")
	for _, connection := range posed {
		require.NoError(t, connection.SetReadDeadline(time.Now().Add(patience)))
		_, err := io.Copy(io.Discard, connection)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it was welcomed by a member that could not judge it yet")
	}
	require.NotZero(t, c.acquire("a", c.session(c.clients[c.leader()]), 1), "two of three are a majority")
}
