package lockfsm

import (
	"fmt"
	"time"
)

// Machine is the state that a log of commands adds up to. It is not safe for concurrent
// use; its snapshots are.
type Machine struct {
	state

	// These are only room to work in, empty at the beginning of an entry.
	subjects []string    // the lock of each Settled of the present entry
	ending   []SessionID // sessions that the present entry ends
	found    found
	seen     seen
}

// maxTime leaves room above it for any deadline that counts from it.
const maxTime = time.Duration(1) << 62

// New returns the machine of a new cluster before its first entry.
func New() *Machine {
	m := &Machine{}
	m.version = Oldest
	return m
}

// Apply steps the machine by one log entry. The index must be higher and the entry's
// cluster time not lower than the last one's: it panics otherwise, because then this is not
// the log. applied is overwritten with what the entry did.
//
// The error wraps a *FormatError: the command is of a version or kind that this machine does
// not know, or damaged. Or it is of a later version than is in force, and so from a leader that must not have written it. Nothing has changed
// then, and the replica must stop: to skip an entry that others apply would make it another machine than theirs.
func (m *Machine) Apply(index uint64, at time.Duration, command []byte, applied *Applied) error {
	decoded, err := Decode(command)
	if err != nil {
		return fmt.Errorf("entry %d: %w", index, err)
	}
	if written := Version(command[0]); written > m.version {
		return fmt.Errorf("entry %d is a command of version %d, and version %d is in force", index, written, m.version)
	}
	m.begin(index, at, applied)
	m.digest = hashText(m.digest, command)
	result, subject := m.execute(decoded, applied)
	m.finish(result, subject, applied)
	return nil
}

// Advance steps the machine by an entry without a command: time passes, and waits run out.
func (m *Machine) Advance(index uint64, at time.Duration, applied *Applied) {
	m.begin(index, at, applied)
	m.finish(Result{Status: OK}, "", applied)
}

// begin moves index and time, and lets the waits run out that are over by now: a waiter
// whose time is up is not granted by the very entry that comes too late for it.
func (m *Machine) begin(index uint64, at time.Duration, applied *Applied) {
	assert(index > m.revision, "entries are applied in the order of the log, each once")
	assert(generation(index) == generation(m.revision), "the log never reaches into the next generation")
	assert(at >= m.time && at <= maxTime, "cluster time never falls along the log")
	m.revision, m.time = index, at
	m.found, m.seen = found{}, seen{}
	*applied = Applied{
		Renewals: applied.Renewals[:0],
		Settled:  applied.Settled[:0],
		Ended:    applied.Ended[:0],
	}
	for {
		due, name, found := m.deadlines.ceiling(deadlineKey{})
		if !found || due.until > at {
			return
		}
		m.leave(name, due.place, TimedOut, applied)
		m.done.timedOut++
	}
}

// execute carries a command out. It returns the name of the lock that the answer is about, if any.
func (m *Machine) execute(command Command, applied *Applied) (Result, string) {
	if status := Validate(command); status != OK {
		return refuse(command, status)
	}
	switch c := command.(type) {
	case Open:
		return m.open(c), ""
	case Renew:
		return m.renew(c, applied), ""
	case Close:
		return m.close(c, applied), ""
	case Expire:
		return m.expire(c, applied), ""
	case Acquire:
		return m.acquire(c), c.Name
	case Release:
		return m.release(c, applied), c.Name
	case Cancel:
		return m.cancel(c, applied)
	case Withdraw:
		return m.withdraw(c, applied), c.Name
	case Clock:
		return Result{Status: OK}, ""
	case Upgrade:
		return m.upgrade(c), ""
	}
	panic(fmt.Sprintf("lockfsm: a command of type %T was decoded and can't be executed", command))
}

// refuse answers a command that Validate refused. Nothing need be remembered: whenever it
// is repeated, it is refused again.
func refuse(command Command, status Status) (Result, string) {
	switch c := command.(type) {
	case Acquire:
		return Result{Status: status, Session: c.Session}, c.Name
	case Release:
		return Result{Status: status, Session: c.Session}, c.Name
	case Cancel:
		return Result{Status: status, Session: c.Session}, ""
	}
	return Result{Status: status}, ""
}

// finish completes the answers with how things stand after the entry, and mixes what was
// decided into the digest.
func (m *Machine) finish(result Result, subject string, applied *Applied) {
	applied.Result = m.complete(result, subject)
	for i := range applied.Settled {
		applied.Settled[i].Result = m.complete(applied.Settled[i].Result, m.subjects[i])
	}
	clear(m.subjects)
	m.subjects = m.subjects[:0]
	m.mix(applied)
}

// complete fills in what a Result tells besides the decision: as of now, even where an old
// answer is given again, so that no answer ever names an outdated holder as the current one.
func (m *Machine) complete(result Result, subject string) Result {
	if subject != "" {
		if held := m.lock(subject); held != nil {
			result.Current = held.token
		}
	}
	if result.Revision == 0 {
		result.Revision = m.revision
	}
	result.Last = m.last
	return result
}

func (m *Machine) mix(applied *Applied) {
	h := m.digest.word(m.revision).word(uint64(m.time))
	if m.version > first { // whose machines have the digest that they always had
		h = h.word(uint64(m.version))
	}
	h = mixResult(h, applied.Result)
	for _, renewal := range applied.Renewals {
		h = h.word(uint64(renewal.Session)).word(uint64(renewal.Status))
	}
	for _, settled := range applied.Settled {
		h = mixResult(h.word(uint64(settled.Place)), settled.Result)
	}
	for _, ended := range applied.Ended {
		h = h.word(uint64(ended))
	}
	m.digest = h
}

func mixResult(h hash, r Result) hash {
	h = h.word(uint64(r.Status)).word(uint64(r.Session)).word(uint64(r.Token))
	return h.word(uint64(r.Current)).word(uint64(r.Last)).word(r.Revision)
}

// Digest mixes every entry applied so far with what it decided: two replicas at the same
// index have the same digest, or one of them is wrong. It is part of a snapshot.
func (m *Machine) Digest() uint64 { return uint64(m.digest) }

// assert panics unless an invariant holds, which its sentence states.
func assert(holds bool, invariant string) {
	if !holds {
		panic("lockfsm: broken invariant: " + invariant)
	}
}
