// Package raft is the Raft consensus algorithm as a value: it is told what happened, and says what to do.
//
// A Node owns no goroutine, lock, clock, file or socket. Its caller steps it with inputs
// (messages, timeouts, completions of the disk), any number of them, and then drains
// it once for everything that they led to:
//
//	node.Step(now, raft.Receive{Envelope: envelope})
//	node.Propose(now, command)
//	node.Drain(&output)
//
// An Output may be carried out in any order, all at once. There is no rule like "save before
// you send" to get wrong, because the node keeps it itself: a message that rests on something
// not yet durable is held back until the record that carries it is reported by Persisted. Node.Deadline says
// when to step a Timeout. Equal inputs give equal outputs, on every machine.
//
// # What it promises
//
// The five properties of Raft figure 3, as long as a member that answers is the member that promised:
// election safety, leader append-only, log matching, leader completeness and state machine safety.
// Beside them: term, vote and commit index never fall; an entry is committed by counting only in its
// leader's own term (§5.4.2); a member's own disk counts like any other, when it is durable and not before.
// A member that can't be sure of these stops with a panic rather than go on.
//
// # How it goes
//
// Elections (election.go) begin with a trial run that changes nothing (pre-vote, thesis §9.6), so that a member which was
// cut off does not disturb the others when it returns. Voters that hear from a leader ignore candidates
// (§4.2.3), and a leader that does not hear from a majority steps down (§6.2). These are no options:
// each of them alone leaves a hole that another one fills.
//
// Replication (leader.go, follower.go, peer.go) streams: a leader sends what is new without waiting for answers, bounded by
// messages and bytes for each follower. After a mismatch or a loss it probes with one message at a
// time; the follower says where its conflicting term begins, so that a probe skips a term, not an
// entry. The leader's disk and the followers' write at the same time. A follower whose next
// entry is gone gets the snapshot in chunks (snapshot.go), not faster than is good for the others; when the connection
// breaks or the leader changes, it goes on with what it lacks of it, and a checksum over the whole says that it is one.
//
// A leader whose disk hangs hands over to a follower whose disk does not, and nobody with such a disk campaigns (stall.go).
//
// Reads (read.go) are confirmed by a round of heartbeats that began after the read did (§8, thesis §6.4). Each round has
// a number of its own: an answer to an older heartbeat never confirms a newer read. One round serves all
// reads that wait for it, those of followers too: a follower (inquiry.go) asks its leader once for all reads that wait, and serves them when
// it has come as far as the leader was. Its asks are numbered as well, from a drawn number on, so that an answer to an older ask, or to the
// ask of a member that has been restarted since, confirms nothing newer.
//
// A read may also rest on the leader's lease (lease.go, thesis §6.4.1), if whoever asks trusts all clocks to within Config.Drift: then no round is
// needed while a majority has promised to elect nobody else. The file says how promises are made, and what must not get around them.
// A leader that was asked for no such read asks for no promises, and is replaced as fast as ever: its followers act upon a hint that it is gone
// within two heartbeats. Those who promised wait for an election timeout first, from when they were last asked.
//
// Cluster time (clock.go) is carried by every entry, and never falls along the log. It is what the state machine
// may use as a clock. It advances by the leader's monotonic clock, at most one heartbeat
// interval for each step, so that a leader which was stopped does not count its own pause.
//
// Membership (membership.go) is replicated like everything else, in entries and snapshots, and every place that asks who votes asks that
// file. A membership is in force from its place in the log on, committed or not, and is taken back when its entry is
// cut. Any change is one step (change.go), by joint consensus (thesis §4.3): while Cold,new is in force, whatever is decided takes a
// majority of the old voters and one of the new ones: commits, elections and their trial runs, reads, the leader's stay (quorum.go). The leader
// leaves that state by itself when it is committed. One change at a time, and none before an entry of the leader's
// own term is committed. A node that is added is a learner first (learner.go): it gets the log, does not count, and is
// made a voter when it has caught up. A leader that is removed leads until that is committed, without counting itself, and hands over.
//
// A node is its ID and its incarnation, that of its disk. Answers count only for the incarnation that gave them: what a node
// said before it lost its disk, was removed and added anew says nothing about the new one. Requests are heard from anybody whom the transport
// lets in, since whoever asks may know a newer membership than this node does; so a learner answers a candidate that takes it for a voter.
//
// For those who look on (clone.go, digest.go, describe.go): a drained node can be cloned, written in one way only, and told of. It is all that
// it takes to try everything that could happen to a few of them (package explore).
//
// # What is left out
//
// Witnesses and learners that stay learners; priorities between members;
// more than one group in one node. The log since the last snapshot, and the snapshot itself, are kept in
// memory: the node never reads a disk.
package raft
