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
// messages and bytes for each follower. After a mismatch or a loss it probes with one message at a
// time; the follower says where its conflicting term begins, so that a probe skips a term, not an
// entry. The leader's disk and the followers' write at the same time. A follower whose next
// entry is gone gets the snapshot in chunks (snapshot.go).
//
// Reads (read.go) are confirmed by a round of heartbeats that began after the read did (§8, thesis §6.4). Each round has
// a number of its own: an answer to an older heartbeat never confirms a newer read. One round serves all
// reads that wait for it.
//
// Cluster time (clock.go) is carried by every entry, and never falls along the log. It is what the state machine
// may use as a clock. It advances by the leader's monotonic clock, at most one heartbeat
// interval for each step, so that a leader which was stopped does not count its own pause.
//
// Membership (membership.go) is replicated like everything else, in entries and snapshots. For now it is fixed when the
// cluster is formed; every place that asks who votes asks that file.
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
// # What is left out
//
// Membership changes, learners and witnesses; reads by lease and reads at followers; priorities between members;
// more than one group in one node. The log since the last snapshot, and the snapshot itself, are kept in
// memory: the node never reads a disk.
package raft
