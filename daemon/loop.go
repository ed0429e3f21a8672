package daemon

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"lockd/internal/boottime"
	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/transport"
	"lockd/wire"
)

// loop is the one goroutine that owns the server.
type loop struct {
	server        *server.Server
	inbox         *inbox
	disk          *disk
	saver         *saver
	peers         *transport.Peers
	formation     *formation
	acquaintances *acquaintances
	meters        *meters
	serving       func(bool) // told whether a leader is known
	logger        *slog.Logger

	began     time.Duration // the clock's zero
	heartbeat time.Duration
	timer     *time.Timer
	// grace is until when a Timeout that is overdue waits. Zero: none is.
	grace time.Duration

	callers  map[server.CallID]transport.Caller
	answered []transport.Caller // in this turn, and not woken yet
	renewals uint64             // asked for
	output   server.Output
	rule     rule
	hole     raft.Hole // what can't be read of the log, as far as was logged
	version  lockfsm.Version
	outdated func(error) // ends the node; nil: it was told to
	doubts   bool        // whether the node abstains, as far as was logged
	stopping bool
	handed   chan struct{} // closed when a Stop was asked for and nothing is left to hand over
}

// rule is who leads, as far as was logged.
type rule struct {
	term   raft.Term
	role   raft.Role
	leader raft.ID
}

// observation asks the loop how the server stands. Its channel has room for the answer.
type observation chan view

// view is the server as it stood between two events.
type view struct {
	statistics server.Statistics
	depths     server.Depths
	status     raft.Status
	counts     lockfsm.Counts
	version    lockfsm.Version
	callers    int
	renewals   uint64
}

// clock is the server's: monotonic time since the loop was made, in which the machine may have been suspended. It is read after the inputs
// that are stepped with it were taken out: a read by lease must not be judged by a time at which it had not been asked for.
func (l *loop) clock() time.Duration { return boottime.Now() - l.began }

// run steps and drains until the inbox is closed.
func (l *loop) run() {
	l.timer = time.NewTimer(0)
	defer l.timer.Stop()
	var events []event
	now := l.clock()
	for {
		// Whether a Timeout is due is looked up by a time before the inbox is emptied: whatever had come by
		// then is stepped before it, so that a renewal is never read after the expiry that it averts.
		due := l.due(now)
		var open bool
		events, open = l.inbox.take(events)
		if !open {
			l.farewell(events)
			return
		}
		if len(events) == 0 && !due {
			l.sleep(now)
			now = l.clock()
			continue
		}
		now = l.clock()
		l.turn(now, events, due)
	}
}

// turn is everything between two looks at the inbox. It is timed by Go's clock, which is cheaper to look at than the server's.
func (l *loop) turn(now time.Duration, events []event, due bool) {
	began := time.Now()
	for i := range events {
		l.step(now, events[i])
	}
	clear(events)
	if due {
		l.server.Step(now, raft.Timeout{})
	}
	l.carryOut()
	l.meters.turn.Observe(time.Since(began).Seconds())
}

// due tells whether a Timeout is. One that is late by more than a heartbeat was missed because the process did
// not run. It waits for another heartbeat, so that the goroutines which read sockets come first.
func (l *loop) due(now time.Duration) bool {
	deadline := l.server.Deadline()
	switch {
	case now < deadline:
		l.grace = 0
		return false
	case l.grace == 0 && now-deadline > l.heartbeat:
		l.grace = now + l.heartbeat
		return false
	case now < l.grace:
		return false
	}
	l.grace = 0
	return true
}

// sleep waits until something comes in, or for as long as there is from now until a Timeout is due.
func (l *loop) sleep(now time.Duration) {
	l.timer.Reset(max(l.server.Deadline(), l.grace) - now)
	select {
	case <-l.inbox.wake:
	case <-l.timer.C:
	}
}

func (l *loop) step(now time.Duration, e event) {
	switch e := e.(type) {
	case transport.Call:
		l.callers[e.ID] = e.Caller
		if _, is := e.Request.(lockfsm.Renew); is {
			l.renewals++
		}
		l.server.Step(now, server.Call{ID: e.ID, Request: e.Request})
	case server.Hangup:
		if _, open := l.callers[e.ID]; open { // else its answer is on its way
			delete(l.callers, e.ID)
			l.server.Step(now, e)
		}
	case observation:
		e <- l.view()
	case server.Stop:
		l.stopping = true
		l.server.Step(now, e)
	default:
		l.server.Step(now, e)
	}
}

// carryOut hands out everything that the steps led to. No part waits for another.
func (l *loop) carryOut() {
	l.server.Drain(&l.output)
	if l.output.Outdated != nil {
		if l.outdated != nil {
			l.outdated(l.output.Outdated)
			l.outdated = nil
		}
		return
	}
	if l.output.Record.Sequence != 0 {
		l.disk.add(l.output.Record)
	}
	if len(l.output.Send) > 0 {
		l.peers.Send(l.output.Send)
	}
	for _, r := range l.output.Replies {
		l.answer(r.Call, r.Answer)
	}
	l.wakeCallers()
	if l.output.Membership {
		l.noteMembership()
	}
	if l.output.Snapshot != nil {
		l.saver.order(*l.output.Snapshot)
	}
	l.noteRule()
	l.noteHole()
	l.noteVersion()
	l.noteHandover()
}

func (l *loop) answer(id server.CallID, answer server.Answer) {
	caller, open := l.callers[id]
	if !open {
		return
	}
	delete(l.callers, id)
	var leader wire.Address
	if refusal, is := answer.(server.Refusal); is && refusal.Leader != 0 {
		leader = l.formation.address(refusal.Leader)
	}
	caller.Answer(answer, leader)
	l.answered = append(l.answered, caller)
}

// wakeCallers lets those who were answered in this turn know of it. Somebody who is woken by the first of a hundred answers on one
// connection would send that one alone.
func (l *loop) wakeCallers() {
	for i := range l.answered {
		l.answered[i].Wake()
	}
	clear(l.answered)
	l.answered = l.answered[:0]
}

// noteRule logs who leads, once for each change.
func (l *loop) noteRule() {
	node := l.server.Node()
	now := rule{node.Term(), node.Role(), node.Leader()}
	if now == l.rule {
		return
	}
	before := l.rule
	l.rule = now
	if (before.leader != 0) != (now.leader != 0) {
		l.serving(now.leader != 0)
	}
	switch {
	case now.leader == 0:
		if before.leader != 0 {
			l.logger.Info("leader lost", "term", uint64(now.term), "before", uint64(before.leader))
		}
	case now.role == raft.Leader:
		l.logger.Info("became leader", "term", uint64(now.term))
	case now.leader != before.leader || now.term != before.term:
		l.logger.Info("became follower", "term", uint64(now.term), "leader", uint64(now.leader))
	}
}

// noteMembership lets those who deal with other members know who they are.
func (l *loop) noteMembership() {
	node := l.server.Node()
	status, known := node.Status(), node.Known()
	l.formation.follow(status.Membership, status.Since, known)
	l.acquaintances.follow(known, status.Since)
	l.logger.Info("membership", "since", uint64(status.Since), "members", names(members(status.Membership.Members)),
		"learners", names(members(status.Membership.Learners)), "joint", status.Membership.Joint())
}

// noteHole logs what can't be read of the log when that is found, and when it is mended.
func (l *loop) noteHole() {
	now := l.server.Node().Hole()
	if doubts := l.server.Node().InDoubt(); doubts != l.doubts {
		l.doubts = doubts
		if !doubts {
			l.logger.Info("all voters have told their terms: the node votes and acknowledges again", "term", uint64(l.server.Node().Term()))
		}
	}
	if before := l.hole; now == before || now != (raft.Hole{}) && before != (raft.Hole{}) {
		return
	}
	l.hole = now
	if now == (raft.Hole{}) {
		l.logger.Info("the log is repaired: nothing of it is missing any more")
		return
	}
	l.logger.Warn("entries of the log can't be read and have to come from another member", "first", uint64(now.First), "last", uint64(now.Last))
}

// noteVersion logs the version in force, and lets members that are too old for it hear so when they greet this one.
func (l *loop) noteVersion() {
	if now := l.server.Machine().Version(); now != l.version {
		l.version = now
		l.formation.rise(now)
		l.peers.Speak(now)
		l.logger.Info("version in force", "version", now, "supported", supported)
	}
}

// noteHandover tells Stop when it need not wait any longer: leadership has passed on, or nobody takes it.
func (l *loop) noteHandover() {
	if l.stopping && l.handed != nil && (l.server.Stopped() || l.server.Node().Status().Transfer == 0) {
		close(l.handed)
		l.handed = nil
	}
}

// farewell answers everybody who still waits.
func (l *loop) farewell(events []event) {
	for _, e := range events {
		switch e := e.(type) {
		case transport.Call:
			e.Caller.Answer(server.Refusal{Reason: server.Stopping, Detail: "the node is shutting down"}, wire.Address{})
			e.Caller.Wake()
		case server.Hangup:
			delete(l.callers, e.ID)
		}
	}
	for id := range l.callers {
		l.answer(id, server.Refusal{Reason: server.Unknown, Detail: "the node stopped before the call was decided"})
	}
	l.wakeCallers()
	l.serving(false)
}

func (l *loop) view() view {
	return view{
		statistics: l.server.Statistics(), depths: l.server.Depths(), status: l.server.Node().Status(),
		counts: l.server.Machine().Counts(), version: l.server.Machine().Version(), callers: len(l.callers), renewals: l.renewals,
	}
}

// errBusy says that the loop did not come to look at a question in time.
var errBusy = errors.New("the loop does not answer")

// observe asks the loop how the server stands.
func (i *inbox) observe(ctx context.Context) (view, error) {
	question := make(observation, 1)
	if !i.urge(question) {
		return view{}, errors.New("the node has stopped")
	}
	select {
	case v := <-question:
		return v, nil
	case <-ctx.Done():
		return view{}, errBusy
	}
}
