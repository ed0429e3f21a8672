package daemon

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"lockd/raft"
	"lockd/wal"
)

// roomInterval is how often a full disk is asked whether there is room again.
const roomInterval = 100 * time.Millisecond

// disk makes records durable. Its goroutine is the only one that appends to the log.
type disk struct {
	log    *wal.Log
	inbox  *inbox
	meters *meters
	logger *slog.Logger
	wake   chan struct{}
	stop   chan struct{}

	mutex    sync.Mutex
	queue    []raft.Record
	released raft.Index // the log may forget what lies up to here
	waiting  time.Time  // since when records wait and none of them became durable; zero: none waits

	// The goroutine's own.
	pending []raft.Record // taken from the queue and not yet appended
	full    bool          // as the server was told
}

func newDisk(log *wal.Log, inbox *inbox, meters *meters, logger *slog.Logger) *disk {
	return &disk{
		log: log, inbox: inbox, meters: meters, logger: logger,
		wake: make(chan struct{}, 1), stop: make(chan struct{}),
	}
}

// add queues a record. It never blocks: what bounds the queue is what consensus lets be on its way.
func (d *disk) add(record raft.Record) {
	d.mutex.Lock()
	d.queue = append(d.queue, record)
	if d.waiting.IsZero() {
		d.waiting = time.Now()
	}
	d.mutex.Unlock()
	d.signal()
}

// release lets the log forget what a durable snapshot stands for.
func (d *disk) release(index raft.Index) {
	d.mutex.Lock()
	d.released = max(d.released, index)
	d.mutex.Unlock()
	d.signal()
}

func (d *disk) signal() {
	select {
	case d.wake <- struct{}{}:
	default: // it is awake already
	}
}

func (d *disk) depth() int {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return len(d.queue)
}

// stalled is for how long records have been waiting while none of them became durable.
func (d *disk) stalled() time.Duration {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.waiting.IsZero() {
		return 0
	}
	return time.Since(d.waiting)
}

// run works until stop is closed, and then finishes what is queued. An error is the disk's: it ends the node, because
// after a failed write or sync nobody knows what is durable.
func (d *disk) run() error {
	var retry <-chan time.Time // goes on through all wake-ups: a busy disk must look for room too
	for {
		if err := d.save(); err != nil {
			return err
		}
		if d.full && retry == nil {
			retry = time.After(roomInterval)
		}
		select {
		case <-d.stop:
			return d.save()
		case <-d.wake:
		case <-retry:
			retry = nil
			if err := d.log.Reserve(); err != nil && !errors.Is(err, wal.ErrDiskFull) {
				return err
			}
		}
	}
}

// save makes durable what is queued: any number of records, one sync.
func (d *disk) save() error {
	released := d.take()
	appended, err := d.append()
	lack := errors.Is(err, wal.ErrDiskFull)
	if err != nil && !lack {
		return err
	}
	if appended > 0 {
		if err := d.sync(d.pending[appended-1].Sequence); err != nil {
			return err
		}
		left := copy(d.pending, d.pending[appended:])
		clear(d.pending[left:])
		d.pending = d.pending[:left]
		d.noteProgress()
	}
	if released > 0 {
		if err := d.log.Release(released); err != nil {
			return err
		}
	}
	d.noteRoom(lack || d.log.Full())
	return nil
}

// noteProgress begins anew to count for how long records have been waiting.
func (d *disk) noteProgress() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.waiting = time.Time{}
	if len(d.queue)+len(d.pending) > 0 {
		d.waiting = time.Now()
	}
}

func (d *disk) take() (released raft.Index) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.pending = append(d.pending, d.queue...)
	clear(d.queue)
	d.queue = d.queue[:0]
	released, d.released = d.released, 0
	return released
}

// append hands records to the log until one does not fit.
func (d *disk) append() (appended int, err error) {
	for i := range d.pending {
		if err := d.log.Append(d.pending[i]); err != nil {
			return i, err
		}
		if received := d.pending[i].Snapshot; received != nil {
			d.release(received.Index)
		}
		d.meters.record(&d.pending[i])
	}
	return len(d.pending), nil
}

func (d *disk) sync(sequence uint64) error {
	began := time.Now()
	if err := d.log.Sync(); err != nil {
		return err
	}
	d.inbox.persisted(sequence)
	d.meters.sync.Observe(time.Since(began).Seconds())
	return d.log.Prepare()
}

// noteRoom tells the server when room ran out, and when there is some again.
func (d *disk) noteRoom(full bool) {
	if full == d.full {
		return
	}
	d.full = full
	if full {
		d.logger.Error("disk full: commands are refused until there is room")
	} else {
		d.logger.Info("disk has room again")
	}
	d.inbox.urge(raft.Room{Full: full})
}
