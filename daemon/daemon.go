package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"lockd/server"
	"lockd/transport"
	"lockd/wal"
)

// closeTimeout bounds how long a node that has nothing more to decide waits for its clients to take their answers. Its disk
// gets as long to finish, even if whoever stops the node is in a hurry.
const closeTimeout = time.Second

// Daemon is a running node. Make it with Start.
type Daemon struct {
	config        Config
	logger        *slog.Logger
	log           *wal.Log
	incarnation   uint64 // of the data directory
	formation     *formation
	acquaintances *acquaintances
	meters        *meters
	inbox         *inbox
	disk          *disk
	saver         *saver
	scrubber      *scrubber

	peerListener, clientListener, httpListener net.Listener

	peers   *transport.Peers
	clients *transport.Clients
	http    *transport.HTTP

	born     atomic.Bool // the loop runs
	stopping atomic.Bool
	handed   chan struct{}
	unborn   chan struct{} // closed when whoever waits for other members is to stop
	loops    sync.WaitGroup
	writers  sync.WaitGroup

	end  sync.Once
	err  error // why it ended; valid when done is closed
	done chan struct{}
}

// Start begins to run a node. It returns when the node listens: whether its cluster is formed and has a
// leader is told by its readiness.
//
// Errors name the setting, the address or the file they are about; those of the data directory wrap
// wal.ErrInUse, wal.ErrWrongMember, wal.ErrNewerFormat, wal.ErrDiskFull, or are a *wal.DamageError, if what is damaged is the identity, or nobody could have
// written it, or a *server.Outdated, if only a later program can read what is there. With that a node may also end later, when others send it such.
func Start(config Config) (*Daemon, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	d := &Daemon{
		config: config, logger: config.Logger.With("member", uint64(config.Member)),
		meters: newMeters(), inbox: newInbox(),
		handed: make(chan struct{}), unborn: make(chan struct{}), done: make(chan struct{}),
	}
	if err := d.open(); err != nil {
		return nil, errors.Join(err, d.abort())
	}
	return d, nil
}

// Done is closed when the node has ended, on its own or by Stop.
func (d *Daemon) Done() <-chan struct{} { return d.done }

// Err is why the node ended on its own. Nil: it runs, or was stopped.
func (d *Daemon) Err() error {
	select {
	case <-d.done:
		return d.err
	default:
		return nil
	}
}

// Incarnation is the number of the data directory, by which a cluster is asked to add this node.
func (d *Daemon) Incarnation() uint64 { return d.incarnation }

// Formed says whether the data directory belongs to a cluster.
func (d *Daemon) Formed() bool { return d.formation.pending() == nil }

// fail ends the node for a reason. It is called from goroutines that the ending waits for.
func (d *Daemon) fail(err error) {
	d.logger.Error("the node ends", "cause", err)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		d.close(ctx, err)
	}()
}

// Stop hands leadership over, answers what is still open, and ends the node. It is not ready from then on. When ctx ends
// first, it goes on without waiting for others, nor for a disk that hangs: then the data directory stays
// in use until the disk lets go. It returns what went wrong in closing.
func (d *Daemon) Stop(ctx context.Context) error {
	d.logger.Info("stopping")
	d.withdraw()
	if d.born.Load() && d.inbox.urge(server.Stop{}) {
		patience := time.NewTimer(2 * d.config.ElectionTimeout)
		defer patience.Stop()
		select {
		case <-d.handed:
		case <-d.done:
		case <-patience.C:
		case <-ctx.Done():
		}
	}
	d.close(ctx, nil)
	<-d.done
	return d.err
}

// withdraw keeps new callers away.
func (d *Daemon) withdraw() {
	d.stopping.Store(true)
	d.clients.Withdraw()
}

// close ends everything, in the order in which the parts need each other.
func (d *Daemon) close(ctx context.Context, cause error) {
	d.end.Do(func() {
		d.withdraw()
		close(d.unborn)
		d.inbox.close()
		d.loops.Wait() // everybody is answered
		err := errors.Join(d.closeDoors(ctx), d.closeDisk(ctx))
		d.err = cause
		if cause == nil {
			d.err = err
		}
		d.logger.Info("stopped")
		close(d.done)
	})
}

// closeDoors ends all connections. None waits for another: the other members may hear that nobody is here
// while a client still takes its answers.
func (d *Daemon) closeDoors(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	var closing sync.WaitGroup
	var ofPeers, ofHTTP error
	closing.Go(func() { d.clients.Close(ctx) })
	closing.Go(func() { ofPeers = d.peers.Close() })
	if d.http != nil {
		closing.Go(func() { ofHTTP = d.http.Close(ctx) })
	}
	closing.Wait()
	return errors.Join(ofPeers, ofHTTP)
}

// closeDisk lets the writers finish what is queued, and closes the log. A disk that hangs for longer than ctx lasts, and
// closeTimeout, is left behind: nothing that it was to keep was acknowledged.
func (d *Daemon) closeDisk(ctx context.Context) error {
	close(d.disk.stop)
	close(d.saver.stop)
	close(d.scrubber.stop)
	closed := make(chan error, 1)
	go func() {
		d.writers.Wait()
		closed <- d.log.Close()
	}()
	patience := time.NewTimer(closeTimeout)
	defer patience.Stop()
	select {
	case err := <-closed:
		return err
	case <-patience.C:
	}
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
		return errors.New("the disk hangs: the node ended without it")
	}
}
