package daemon

import (
	"errors"
	"log/slog"
	"time"

	"lockd/raft"
	"lockd/server"
	"lockd/wal"
)

// saver encodes snapshots and makes them durable, while the machine goes on.
type saver struct {
	log    *wal.Log
	disk   *disk
	inbox  *inbox
	meters *meters
	logger *slog.Logger
	orders chan server.Snapshotting // room for one: the server orders the next when the last is done
	stop   chan struct{}
}

func newSaver(log *wal.Log, disk *disk, inbox *inbox, meters *meters, logger *slog.Logger) *saver {
	return &saver{
		log: log, disk: disk, inbox: inbox, meters: meters, logger: logger,
		orders: make(chan server.Snapshotting, 1), stop: make(chan struct{}),
	}
}

// order never blocks.
func (s *saver) order(snapshot server.Snapshotting) {
	select {
	case s.orders <- snapshot:
	default:
		panic("daemon: a snapshot was ordered before the last one was done")
	}
}

// run works until stop is closed. An error is the disk's, and ends the node.
func (s *saver) run() error {
	for {
		select {
		case <-s.stop:
			return nil
		case order := <-s.orders:
			if err := s.save(order); err != nil {
				return err
			}
		}
	}
}

func (s *saver) save(order server.Snapshotting) error {
	began := time.Now()
	snapshot := order.Snapshot
	snapshot.Data = order.Machine.Encode()
	for {
		err := s.log.SaveSnapshot(snapshot)
		if err == nil {
			break
		}
		if !errors.Is(err, wal.ErrDiskFull) {
			return err
		}
		select {
		case <-s.stop:
			return nil
		case <-time.After(roomInterval):
		}
	}
	s.inbox.urge(raft.Snapshotted{Snapshot: snapshot})
	s.disk.release(snapshot.Index)
	took := time.Since(began)
	s.meters.snapshot.Observe(took.Seconds())
	s.logger.Info("snapshot saved", "index", uint64(snapshot.Index), "bytes", len(snapshot.Data), "took", took)
	return nil
}
