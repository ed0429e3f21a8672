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
// A member that can't be sure of these stops with a panic rather than go on. One whose disk has lost a part of its log keeps them as well (below).
//
// # How it goes
//
// Elections (election.go) begin with a trial run that changes nothing (pre-vote, thesis §9.6), so that a member which was
// cut off does not disturb the others when it returns. Voters that hear from a leader ignore candidates
// (§4.2.3), and a leader that does not hear from a majority steps down (§6.2). These are no options:
// each of them alone leaves a hole that another one fills.
//
// Replication (leader.go, follower.go, peer.go) streams: a leader sends what is new without waiting for answers, bounded by
// messages and bytes for each follower, and by less where answers come late (flow.go). After a mismatch or a loss it probes with one message at a
// time; the follower says where its conflicting term begins, so that a probe skips a term, not an
// entry. The leader's disk and the followers' write at the same time. While the leader's disk is at work on what is not committed yet, new commands
// gather for one record and one message (batch.go). A follower whose next
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
// A member tells its leader with each answer which version of the state machine's commands its program can read. Here that means nothing; but the
// leader says which round an answer belongs to (Ask), so that the word of a program that was replaced since does not count.
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
// # A disk that has lost something
//
// A member whose log is damaged goes on as a convalescent (repair.go), after Protocol-Aware Recovery (Alagappan et al., FAST 2018). Its caller says
// what can be read before the hole and behind it, and where the log ended: the claim. It votes as if its log still ended there, it does not
// campaign, and it acknowledges only what it can read. A leader that takes it for one who has more is told so (Lost), and fills the hole
// with ordinary Appends. Where the log meets what is left behind the hole, at an entry of the same index and term, that counts again.
//
// It is whole, and the claim is gone, when its log is up to date with the claim in the sense of §5.4.1. That is sound, because
//
//   - whoever voted by the claim voted as the undamaged member would have: a claim that is too high refuses more candidates, and none wrongly;
//   - of two logs, the more up to date one has every committed entry that the other one has. Let the claim's term be T, and e one of
//     its entries that is committed, so of term T or an earlier one. A log that ends in a later term than T has an entry of that
//     term's leader, whose log had e (leader completeness), and with it all that came before (log matching). One that ends in term T, no
//     earlier than the claim does, has what the leader of T put there, e among it;
//   - so an entry is given up only where the log of a leader, which by leader completeness has everything committed, has another one or none.
//
// Several members may be damaged, each in another place, and then nobody can be elected. So a convalescent that hears no leader asks the
// others for the entries before the first one that it can read behind its hole (Fetch). Two logs that have an entry of the same index and term are
// the same before it, whoever holds them and in whatever term; and if an entry of term t stands at i in one log and one of term t at i+1 in another,
// the first comes before the second in both, since the leader of t appended them one after the other. So the answer needs no leader's word.
// What the member can read before the hole may be older than that: the lost record may have cut it. It gives way, but for
// what a leader has agreed with since. The cluster is stuck only if some entry that may be committed is readable nowhere, or if it was the last
// of its term, and nobody who can be reached can show what comes before it. Then each convalescent says which entries it lacks (Status.Hole).
//
// A member whose snapshot is lost has nothing to begin with: index 0 is where its log ends, all that it can read is behind the hole, and a leader sends it a
// snapshot as to any other that is behind. Where several have lost theirs, and the rest lacks what they acknowledged, nobody can be elected; so a member
// without a snapshot that hears no leader asks the others for one (bequest.go). If nobody has any, each says from which entry on it can read.
//
// A member that has lost its last record does not know its term, its vote, or where its log ended. It abstains until it is certain of a term that
// is above all that it had promised (doubt.go), and is a convalescent from then on.
//
// # What is left out
//
// Witnesses and learners that stay learners; priorities between members;
// more than one group in one node. The log since the last snapshot, and the snapshot itself, are kept in
// memory: the node never reads a disk.
package raft
