package wal

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"lockd/raft"
)

// Log is an open directory. Once the cluster is formed, SaveSnapshot, Full, Identity, Scrub, Cure and Rot
// may be called from any goroutine; all else is for one at a time.
type Log struct {
	directory   FS
	lock        io.Closer
	identity    Identity
	worn        *DamageError // one of its copies, as it was found; nil: both were whole
	segmentSize int64
	shelf       shelf
	failure     failure
	full        atomic.Bool

	sealing sync.Mutex // guards changes of sealed, and what a scrub says of its segments
	sealed  []*segment // oldest first
	claim   *claim     // nil: the log is whole
	first   uint32     // the segment that the log begins with: older ones are left from before it began anew
	tail    *segment   // where records go; nil until the cluster is formed
	next    *segment   // reserved for when the tail is full; nil: not yet
	rot     rot

	pending  []byte // encoded records that belong at tail.end
	body     []byte // scratch of Append
	mark     []byte // scratch of Sync
	epoch    uint32
	sequence uint64 // of the last record appended
	synced   uint64 // of the last record known to be durable; never above sequence
	term     raft.Term
	vote     raft.ID
}

// rot counts files that were found damaged in use.
type rot struct{ found, healed atomic.Uint64 }

// failure remembers the first error of the disk.
type failure struct {
	mutex sync.Mutex
	err   error
}

func (f *failure) set(err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *failure) get() error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.err
}

// usable returns the error that ended the log's life, if one did. After a failed write or
// sync nobody knows what the disk holds: a second try could succeed and mean nothing.
func (l *Log) usable() error {
	if err := l.failure.get(); err != nil {
		return fmt.Errorf("log refuses all work after an earlier failure: %w", err)
	}
	return nil
}

// outcome passes an error on, and unless it says that nothing changed, ends the log's life.
func (l *Log) outcome(err error) error {
	if err != nil && !errors.Is(err, ErrDiskFull) {
		l.failure.set(err)
	}
	return err
}

// Identity returns whose directory this is.
func (l *Log) Identity() Identity { return l.identity }

// Full reports that there is no room for another segment. What is left of the current one
// is best kept for votes and terms: refuse proposals until Reserve succeeds.
func (l *Log) Full() bool { return l.full.Load() }

// Append adds a record behind all earlier ones. It is durable after the next Sync. A
// record with a snapshot has the snapshot durable before Append returns.
//
// ErrDiskFull: nothing of the record was kept, but for a snapshot that is durable already,
// and the same Append may be tried again. After any other error the log refuses all further work. Append panics if the cluster is
// not formed, or if the record's term is lower than an earlier one's.
func (l *Log) Append(r raft.Record) error {
	if l.tail == nil {
		panic("wal: append to a log whose cluster is not formed")
	}
	if r.Term < l.term {
		panic(fmt.Sprintf("wal: append of term %d after term %d", r.Term, l.term))
	}
	if err := l.usable(); err != nil {
		return err
	}
	content := record{term: r.Term, vote: r.Vote, entries: r.Entries}
	if r.Snapshot != nil {
		if err := l.shelf.save(*r.Snapshot); err != nil {
			return l.outcome(err)
		}
		content.base = base{kind: baseReplace, index: r.Snapshot.Index, term: r.Snapshot.Term}
	}
	return l.outcome(l.append(content))
}

func (l *Log) append(r record) error {
	l.body = appendRecord(l.body[:0], r)
	size := sectors(len(l.body)) * sectorSize
	if err := l.makeRoom(size); err != nil {
		return err
	}
	l.encode(l.body)
	l.settle(r)
	l.term, l.vote = r.term, r.vote
	l.tail.last = max(l.tail.last, r.last())
	return nil
}

// last is the highest index the record speaks of, or zero.
func (r record) last() raft.Index {
	if n := len(r.entries); n > 0 {
		return max(r.base.index, r.entries[n-1].Index)
	}
	return r.base.index
}

// makeRoom begins a new segment if a record of so many bytes, and the mark behind it, do
// not fit into the current one.
func (l *Log) makeRoom(size int64) error {
	size += sectorSize
	if l.tail.end+int64(len(l.pending))+size <= l.tail.size {
		return nil
	}
	return l.roll(size)
}

// sectors returns how many sectors a body takes.
func sectors(body int) int64 { return max(1, (int64(body)+bodySize-1)/bodySize) }

// encode adds a record's sectors to what is to be written.
func (l *Log) encode(body []byte) {
	l.sequence++
	h := header{
		kind:     kindRecord,
		segment:  l.tail.number,
		place:    uint32((l.tail.end + int64(len(l.pending))) / sectorSize),
		sequence: l.sequence,
		synced:   l.synced,
		epoch:    l.epoch,
		parts:    uint32(sectors(len(body))),
		extent:   uint32(l.tail.size / sectorSize),
	}
	for h.part < h.parts {
		n := min(len(body), bodySize)
		l.pending = appendSector(l.pending, h, body[:n])
		body = body[n:]
		h.part++
		h.place++
	}
}

// Sync makes every record appended so far durable. After an error the log refuses all
// further work, and what was appended since the last Sync may or may not be found again.
func (l *Log) Sync() error {
	if err := l.usable(); err != nil {
		return err
	}
	if l.synced == l.sequence {
		return nil
	}
	return l.outcome(l.sync())
}

func (l *Log) sync() error {
	if err := l.flush(); err != nil {
		return err
	}
	return l.writeMark()
}

// Prepare does a piece of what the log will need soon: it reserves the next segment, or writes some of its zeros, or
// lets go of a segment that a damaged log has left behind when nobody needs it any more. It is
// to be called after each Sync, when those who wait for that have been told: it takes longer than the Sync itself.
func (l *Log) Prepare() error {
	if err := l.usable(); err != nil {
		return err
	}
	return l.outcome(l.prepare())
}

// flush writes what is pending and syncs it.
func (l *Log) flush() error {
	if l.synced == l.sequence {
		return nil
	}
	if _, err := l.tail.file.WriteAt(l.pending, l.tail.end); err != nil {
		return err
	}
	l.tail.end += int64(len(l.pending))
	l.pending = l.pending[:0]
	if err := l.tail.file.Sync(); err != nil {
		return err
	}
	l.synced = l.sequence
	return nil
}

// writeMark says behind the last record that it was synced. The mark itself is not: it
// reaches the disk with the next sync or when the system finds the time, and from then on
// shows that a last record which reads as never written has in truth been lost.
func (l *Log) writeMark() error {
	l.mark = appendSector(l.mark[:0], header{
		kind:     kindMark,
		segment:  l.tail.number,
		place:    uint32(l.tail.end / sectorSize),
		sequence: l.sequence + 1,
		synced:   l.synced,
		epoch:    l.epoch,
		parts:    1,
		extent:   uint32(l.tail.size / sectorSize),
	}, nil)
	_, err := l.tail.file.WriteAt(l.mark, l.tail.end)
	return err
}

// SaveSnapshot makes a snapshot of the state machine durable. The two newest are kept. It
// may be called while another goroutine appends. ErrDiskFull: nothing changed. After any
// other error the log refuses all further work.
func (l *Log) SaveSnapshot(snapshot raft.Snapshot) error {
	if !l.identity.Formed() {
		panic("wal: save of a snapshot before the cluster is formed")
	}
	if err := l.usable(); err != nil {
		return err
	}
	return l.outcome(l.shelf.save(snapshot))
}

// Release deletes the oldest segments, as far as they hold nothing above the index or above the oldest snapshot that is
// kept: should the newest be damaged, that one and the log behind it make it good. The segment in use always stays.
//
// Segments up to one that a scrub has found damaged go as soon as any snapshot stands for them: there is nothing to fall back to in a
// log with a hole, and a restart with the damaged one would make a convalescent of a member that knows everything.
//
// While a claim stands, the segment that it stands in stays, and all behind it with it (claim.go).
func (l *Log) Release(index raft.Index) error {
	if err := l.usable(); err != nil {
		return err
	}
	oldest, newest := l.shelf.reach()
	damaged := l.damaged()
	for len(l.sealed) > 0 {
		s, bound := l.sealed[0], min(index, oldest)
		if s.number <= damaged {
			bound = min(index, newest)
		}
		if l.binds(s) || s.last > bound && !l.left(s) {
			break
		}
		if err := l.release(); err != nil {
			return l.outcome(fmt.Errorf("release segment: %w", err))
		}
	}
	return nil
}

// damaged is the number of the newest segment that was found damaged; zero: none was.
func (l *Log) damaged() (number uint32) {
	l.sealing.Lock()
	defer l.sealing.Unlock()
	for _, s := range l.sealed {
		if s.damaged {
			number = s.number
		}
	}
	return number
}

// release deletes the oldest segment. Each record has the term and the vote, so the next
// segment knows them too, but perhaps it was not synced yet: it must be, before the only
// other place to know them goes.
func (l *Log) release() error {
	if err := l.flush(); err != nil {
		return err
	}
	oldest := l.sealed[0]
	l.unseal(oldest)
	if err := removeDurably(l.directory, oldest.name()); err != nil {
		return err
	}
	if oldest.damaged {
		l.rot.healed.Add(1)
	}
	return nil
}

// seal puts a segment to rest.
func (l *Log) seal(s *segment) {
	l.sealing.Lock()
	defer l.sealing.Unlock()
	l.sealed = append(l.sealed, s)
}

// unseal takes the oldest segment out of use, before its file goes: a scrub that misses the file must not miss the segment.
func (l *Log) unseal(oldest *segment) {
	l.sealing.Lock()
	defer l.sealing.Unlock()
	if l.sealed[0] != oldest {
		panic("wal: segments go oldest first")
	}
	l.sealed = l.sealed[1:]
}

// Close gives the directory free. It does not sync.
func (l *Log) Close() error {
	var errs []error
	for _, s := range []*segment{l.tail, l.next} {
		if s != nil && s.file != nil {
			errs = append(errs, s.file.Close())
		}
	}
	l.failure.set(errors.New("log is closed"))
	return errors.Join(append(errs, l.lock.Close())...)
}
