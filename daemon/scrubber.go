package daemon

import (
	"errors"
	"log/slog"
	"time"

	"lockd/server"
	"lockd/wal"
)

const (
	// scrubPause is the least time between two pieces of 64 KiB: however much there is to read, a disk has most of its time for records.
	scrubPause = 5 * time.Millisecond
	// healInterval is how often the server is reminded of what is damaged, until it is replaced.
	healInterval = time.Second
)

// scrubber looks for rot in what the log has at rest, evenly over its interval, and has the server replace what is damaged. All it
// ever does to the disk is read, and it waits for nobody but the disk.
type scrubber struct {
	log      *wal.Log
	inbox    *inbox
	logger   *slog.Logger
	interval time.Duration // of one pass
	stop     chan struct{}
	healed   uint64 // files, as far as was logged
}

// run works until stop is closed.
func (s *scrubber) run() error {
	scrub, timer := s.log.Scrub(), time.NewTimer(0)
	defer timer.Stop()
	began := time.Now() // the pass
	due := began        // the next piece
	for {
		select {
		case <-s.stop:
			return nil
		case <-timer.C:
		}
		if now := time.Now(); !now.Before(due) {
			over := s.step(scrub)
			due = now.Add(pace(scrub.Left(), began.Add(s.interval).Sub(now)))
			if over {
				began = due
			}
		}
		wait := time.Until(due)
		if s.heal() {
			wait = min(wait, healInterval)
		}
		timer.Reset(wait)
	}
}

// pace is how long to wait for the next piece, if so many bytes are left to read in so long.
func pace(left int64, remaining time.Duration) time.Duration {
	pieces := (left + wal.ScrubPiece - 1) / wal.ScrubPiece
	return max(scrubPause, remaining/time.Duration(1+pieces))
}

// step reads a piece, and tells whether that was the last one of the pass.
func (s *scrubber) step(scrub *wal.Scrub) (over bool) {
	over, err := scrub.Step()
	var damage *wal.DamageError
	switch {
	case errors.As(err, &damage):
		s.logger.Error("the disk rots: a file that is in use is damaged, and will be replaced from memory",
			"file", damage.File, "byte", damage.Offset, "first", uint64(damage.First), "last", uint64(damage.Last), "damage", damage)
	case err != nil:
		s.logger.Warn("a file can't be searched for rot", "cause", err)
	}
	return over
}

// heal reminds the server of what is damaged, if something is.
func (s *scrubber) heal() (ill bool) {
	if _, healed := s.log.Rot(); healed > s.healed {
		s.healed = healed
		s.logger.Info("what had rotted is replaced", "files", healed)
	}
	cure := s.log.Cure()
	if cure == 0 {
		return false
	}
	s.inbox.urge(server.Rot{Through: cure})
	return true
}
