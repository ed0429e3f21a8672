package daemon

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/transport"
	"lockd/wal"
)

// hanging is a directory whose syncs can be held.
type hanging struct {
	wal.FS
	syncing chan struct{} // told of each sync that is held
	from    string        // not empty: a file whose name begins so has the syncs held, from its making on

	mutex sync.Mutex
	held  chan struct{} // not nil: every sync waits until it is closed
}

func newHanging(t *testing.T) *hanging {
	return &hanging{FS: wal.OS(t.TempDir()), syncing: make(chan struct{}, 1000)}
}

func (h *hanging) hold() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.held = make(chan struct{})
}

func (h *hanging) letGo() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	close(h.held)
	h.held = nil
}

func (h *hanging) pass() {
	h.mutex.Lock()
	held := h.held
	h.mutex.Unlock()
	if held != nil {
		h.syncing <- struct{}{}
		<-held
	}
}

// awaitClosed waits for the log to be closed, which it is when the disk lets go: until then the node writes in the directory.
func (h *hanging) awaitClosed(t *testing.T) {
	closed := func() bool {
		lock, err := h.Lock()
		return err == nil && lock.Close() == nil
	}
	require.Eventually(t, closed, 20*time.Second, time.Millisecond)
}

func (h *hanging) Create(name string) (wal.File, error) {
	if h.from != "" && strings.HasPrefix(name, h.from) {
		h.hold()
	}
	file, err := h.FS.Create(name)
	return hangingFile{file, h}, err
}

func (h *hanging) Open(name string) (wal.File, error) {
	file, err := h.FS.Open(name)
	return hangingFile{file, h}, err
}

type hangingFile struct {
	wal.File
	directory *hanging
}

func (f hangingFile) Sync() error {
	f.directory.pass()
	return f.File.Sync()
}

// hangingDisk is a formed log in such a directory, and those who write to it.
func hangingDisk(t *testing.T) (*hanging, *disk, *saver) {
	directory := newHanging(t)
	log, _, err := wal.Open(directory, wal.Options{Member: 1, Incarnation: 1, SegmentSize: 16 << 10})
	require.NoError(t, err)
	_, err = log.Form(wal.ClusterID{1}, raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 1}}})
	require.NoError(t, err)
	logger := slog.New(slog.DiscardHandler)
	d := newDisk(log, newInbox(), newMeters(), logger)
	return directory, d, newSaver(log, d, d.inbox, d.meters, logger)
}

func TestNoRecordCountsAsDurableBeforeItsSyncHasEnded(t *testing.T) {
	directory, d, _ := hangingDisk(t)
	ended := make(chan error)
	go func() { ended <- d.run() }()
	directory.hold()
	d.add(raft.Record{Sequence: 1, Term: 1, Vote: 1})
	<-directory.syncing
	taken, _ := d.inbox.take(nil)
	require.Empty(t, taken)
	require.Positive(t, d.stalled())
	directory.letGo()
	awaitEvent(t, d.inbox, func(e event) bool { return e == raft.Persisted{Sequence: 1} })
	close(d.stop)
	require.NoError(t, <-ended)
	require.Zero(t, d.stalled())
	require.NoError(t, d.log.Close())
}

func TestNoSnapshotCountsAsDurableBeforeItsSyncHasEnded(t *testing.T) {
	directory, d, s := hangingDisk(t)
	ended := make(chan error)
	go func() { ended <- s.run() }()
	directory.hold()
	members := raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 1}}}
	s.order(server.Snapshotting{Snapshot: raft.Snapshot{Index: 50, Term: 1, Membership: members}, Machine: lockfsm.New().Snapshot()})
	<-directory.syncing
	taken, _ := d.inbox.take(nil)
	require.Empty(t, taken)
	require.Zero(t, d.take(), "the log must not forget what the snapshot does not yet stand for")
	directory.letGo()
	awaitEvent(t, d.inbox, func(e event) bool {
		saved, is := e.(raft.Snapshotted)
		return is && saved.Snapshot.Index == 50
	})
	close(s.stop)
	require.NoError(t, <-ended)
	require.NoError(t, d.log.Close())
}

// lonely is the configuration of a cluster of one.
func lonely(t *testing.T) Config {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return Config{
		Member: 1, Members: map[raft.ID]string{1: listener.Addr().String()}, PeerListener: listener,
		Directory: filepath.Join(t.TempDir(), "data"), ClientAddress: "127.0.0.1:0", HTTPAddress: "127.0.0.1:0",
		Logger: slog.New(slog.DiscardHandler),
	}
}

// alone starts a cluster of one and waits until it is ready.
func alone(t *testing.T, config Config) *Daemon {
	d, err := Start(config)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return d.Ready(t.Context()) == nil }, 20*time.Second, time.Millisecond)
	return d
}

func TestANodeWhoseDiskHangsIsNotReadyAndEndsAllTheSame(t *testing.T) {
	t.Parallel()
	directory := newHanging(t)
	config := lonely(t)
	config.Files = directory
	d := alone(t, config)
	directory.hold()
	d.call([]transport.Call{{ID: 1, Request: lockfsm.Open{TTL: time.Hour}, Caller: new(note)}})
	<-directory.syncing
	require.Eventually(t, func() bool {
		err := d.Ready(t.Context())
		return err != nil && strings.Contains(err.Error(), "the disk has made nothing durable")
	}, 20*time.Second, 10*time.Millisecond)
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, d.Stop(hurry), "the disk hangs")
	directory.letGo()
	directory.awaitClosed(t)
}

func TestANodeThatCanNotBeBornOnADiskThatHangsEndsAllTheSame(t *testing.T) {
	t.Parallel()
	directory := newHanging(t)
	directory.from = "snapshot-"
	config := lonely(t)
	config.Files = directory
	d, err := Start(config)
	require.NoError(t, err)
	<-directory.syncing // of the first snapshot, which founds the cluster
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, d.Stop(hurry), "the disk hangs")
	directory.letGo()
	directory.awaitClosed(t)
}

func TestASilentConnectionDoesNotKeepANodeFromEnding(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{nil, wal.ErrInUse} { // any cause
		d := alone(t, lonely(t))
		connection, err := net.Dial("tcp", d.ClientAddress())
		require.NoError(t, err)
		defer func() { _ = connection.Close() }()
		began := time.Now()
		if cause != nil {
			d.fail(cause)
			<-d.Done()
		} else {
			require.NoError(t, d.Stop(t.Context()))
		}
		require.Less(t, time.Since(began), 4*time.Second, "less than the patience with silence")
	}
}

func TestANodeThatStopsIsNotReadyAndStillTakesCallsUntilItHasHandedOver(t *testing.T) {
	t.Parallel()
	config := lonely(t)
	config.ElectionTimeout = time.Second // and twice that for the handover
	d := alone(t, config)
	connection, err := grpc.NewClient(d.ClientAddress(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	serving := func() bool {
		answer, err := grpc_health_v1.NewHealthClient(connection).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		require.NoError(t, err)
		return answer.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING
	}
	require.Eventually(t, serving, 20*time.Second, time.Millisecond)

	question := make(observation) // holds the loop until it is read
	d.inbox.urge(question)
	stopped := make(chan error, 1)
	go func() { stopped <- d.Stop(t.Context()) }()
	require.Eventually(t, func() bool { return !serving() }, 20*time.Second, time.Millisecond)
	require.True(t, d.inbox.post(), "calls are still taken")
	require.ErrorIs(t, d.Ready(t.Context()), errStopping)
	response, err := http.Get("http://" + d.HTTPAddress() + "/readyz")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	<-question
	require.NoError(t, <-stopped)
}

func TestTheNamesOfNewDirectoriesAreMadeDurable(t *testing.T) {
	base := t.TempDir()
	var synced []string
	note := func(directory string) error { synced = append(synced, directory); return nil }
	require.NoError(t, makeDirectory(filepath.Join(base, "a", "b", "c"), note))
	require.Equal(t, []string{filepath.Join(base, "a", "b"), filepath.Join(base, "a"), base}, synced)
	require.DirExists(t, filepath.Join(base, "a", "b", "c"))
	synced = nil
	require.NoError(t, makeDirectory(filepath.Join(base, "a", "b", "c"), syncDirectory))
	require.NoError(t, makeDirectory(filepath.Join(base, "a", "d"), syncDirectory))
	require.Empty(t, synced)
}
