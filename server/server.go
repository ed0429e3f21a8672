package server

import (
	"fmt"
	"time"

	"lockd/lockfsm"
	"lockd/raft"
)

// Config sets a server up.
type Config struct {
	Raft raft.Config
	// Version is the latest that this node may read and write, at most lockfsm.Newest: an older program's would be less. It tells the others
	// (Raft.Version is set to it).
	Version lockfsm.Version
	// SnapshotBytes is how much log may gather, about, before the machine takes a snapshot of itself. If the last snapshot
	// was larger, so much.
	SnapshotBytes int
	// MaxCalls bounds the calls in flight. At most half of them may be Acquires that are ready to wait: however many
	// queue for a lock, its holder can still release it, and everybody renew.
	MaxCalls int
	// ClockInterval is how often an idle leader writes the time into the log while sessions live. Without it a leader
	// that loses its post again and again would never get far enough to end a dead session.
	ClockInterval time.Duration
}

// Server is one node. It is not safe for concurrent use. Make it with New.
type Server struct {
	config  Config
	node    *raft.Node
	machine *lockfsm.Machine
	now     time.Duration

	calls    table
	renewals []renewal // to be proposed with the next Drain
	// withdrawals are to be proposed as soon as there is room.
	withdrawals []lockfsm.Withdraw
	expiry      expiry
	handover    handover
	ascent      ascent
	outdatedBy  error  // why this node can't go on; nil: it can
	changing    CallID // who waits for a change of the membership; zero: nobody
	full        bool

	rot        raft.Index    // the next snapshot is wanted as soon as it can reach this far; zero: it has time
	unsnapped  int           // bytes of log since the last snapshot, about
	snapping   bool          // one is taken, and not yet reported durable
	taken      *Snapshotting // not yet ordered
	ruled      raft.Term     // the term in which this node led last, zero when it does not lead
	lastTerm   raft.Term
	statistics Statistics

	replies []Reply
	output  raft.Output
	applied lockfsm.Applied
	encoded []byte // room to encode a command in
}

// Snapshotting is a snapshot to be taken: of the machine as it stood at Snapshot.Index. Its Data is for the
// shell to fill in, by encoding Machine, while the machine itself goes on.
type Snapshotting struct {
	Snapshot raft.Snapshot
	Machine  *lockfsm.Snapshot
}

// New makes a server from what its disk holds. It fails when the stored snapshot can't be read; the error is an *Outdated if this disk
// holds what needs a later version.
func New(config Config, stored raft.Stored, now time.Duration) (*Server, error) {
	if config.SnapshotBytes <= 0 || config.MaxCalls <= 0 || config.ClockInterval <= 0 {
		panic(fmt.Sprintf("server: a bound is missing in %+v", config))
	}
	if config.Version < lockfsm.Oldest || config.Version > lockfsm.Newest {
		panic(fmt.Sprintf("server: version %d is not among those that this program knows", config.Version))
	}
	config.Raft.Version = uint8(config.Version)
	s := &Server{config: config, now: now, calls: newTable()}
	if err := s.unreadableDisk(&stored); err != nil {
		return nil, err
	}
	machine, err := restore(stored.Snapshot)
	if err != nil {
		return nil, err
	}
	s.node, s.machine = raft.New(config.Raft, stored, now), machine
	s.lastTerm = s.node.Term()
	return s, nil
}

// restore makes the machine of a snapshot. The one that formed the cluster has no data: an empty machine.
func restore(snapshot raft.Snapshot) (*lockfsm.Machine, error) {
	if len(snapshot.Data) == 0 {
		return lockfsm.New(), nil
	}
	machine, err := lockfsm.Restore(snapshot.Data)
	if err != nil {
		return nil, fmt.Errorf("server: the snapshot at entry %d: %w", snapshot.Index, err)
	}
	return machine, nil
}

// Step tells the server what happened, at which time of its own monotonic clock. One that is outdated takes nothing in any more.
func (s *Server) Step(now time.Duration, input Input) {
	s.now = now
	if received, is := input.(raft.Receive); is && s.outdatedBy == nil {
		s.outdatedBy = s.unreadable(received.Envelope.Message)
	}
	if s.outdatedBy != nil {
		return
	}
	switch in := input.(type) {
	case Call:
		s.call(in)
	case Hangup:
		s.hangup(in.ID)
	case raft.Room:
		s.stepNode(in)
		s.room(in)
	case Rot:
		s.rot = max(s.rot, in.Through)
	case Stop:
		s.stop()
	case raft.Input:
		s.stepNode(in)
	default:
		panic(fmt.Sprintf("server: %T is no input", input))
	}
}

func (s *Server) stepNode(in raft.Input) {
	before := s.node.Hole()
	s.node.Step(s.now, in)
	s.noteRepair(before)
	switch in.(type) {
	case raft.Snapshotted:
		s.snapping = false
	case raft.Timeout:
		s.rise()
		s.expire()
	}
	s.noteRole()
}

// Drain collects everything that the steps since the last Drain led to. One that is outdated says so, and nothing else.
func (s *Server) Drain(out *Output) {
	if s.outdatedBy != nil {
		*out = Output{Outdated: s.outdatedBy}
		return
	}
	s.proposeWithdrawals()
	s.proposeRenewals()
	s.node.Drain(&s.output)
	s.apply()
	s.answerQueries()
	s.noteHandover()
	s.noteChange()
	out.Record = s.output.Record
	out.Send = s.output.Send
	out.Replies = append(out.Replies[:0], s.replies...)
	out.Snapshot = s.takeSnapshot()
	out.Membership = s.output.Membership
	clear(s.replies)
	s.replies = s.replies[:0]
}

// Deadline is when a raft.Timeout is due next.
func (s *Server) Deadline() time.Duration {
	due := s.node.Deadline()
	if s.leads() {
		due = min(due, s.nextExpiry())
	}
	return due
}

func (s *Server) leads() bool { return s.node.Role() == raft.Leader }

// noteRole notices when leadership came or went. It can come back within one drain, in a later
// term: the calls of the earlier one are lost all the same.
func (s *Server) noteRole() {
	if term := s.node.Term(); term != s.lastTerm {
		s.statistics.Terms += uint64(term-s.lastTerm) % raft.Leap // what a leap passes over, nobody stood for
		s.lastTerm = term
	}
	switch {
	case s.leads() && s.ruled != s.node.Term():
		s.abandon()
		s.ruled = s.node.Term()
		s.ascent = ascent{}
		s.expiry = expiry{clockDue: s.now + s.config.ClockInterval}
		s.statistics.Elected++
	case !s.leads() && s.ruled != 0:
		s.abandon()
		s.ruled = 0
	}
}

// noteRepair counts what was missing and is there again: the log ended before it, and reaches into it or beyond.
func (s *Server) noteRepair(before raft.Hole) {
	if before.First == 0 {
		return
	}
	end := min(before.Last, s.node.Status().Last) + 1
	if end > before.First {
		s.statistics.Repaired += uint64(end - before.First)
	}
}

func (s *Server) reply(id CallID, answer Answer) {
	s.replies = append(s.replies, Reply{id, answer})
	if refusal, refused := answer.(Refusal); refused {
		s.statistics.Refused[refusal.Reason]++
	}
}

// Machine is the lock machine as this node has applied it: for reading only.
func (s *Server) Machine() *lockfsm.Machine { return s.machine }

// Node is the consensus within: for reading only.
func (s *Server) Node() *raft.Node { return s.node }
