// Package daemon is a running node: it owns the goroutines, the data directory and the sockets around package server, and
// may be embedded.
//
//	node, err := daemon.Start(daemon.Config{Member: 1, Directory: "/var/lib/lockd", Members: ..., ...})
//	...
//	err = node.Stop(ctx)
//
// # Goroutines
//
// One goroutine, the loop (loop.go), owns the server. It takes everything that waits in the inbox (inbox.go), steps the server
// with each, drains it once and hands out the effects. It never waits for anybody:
//
//   - records go to the disk's list (disk.go), whose goroutine appends all that is there, syncs once, and leaves the number of the
//     newest durable record in a slot of the inbox;
//   - messages go to the links of package transport, which drop what they can't queue;
//   - answers go to their callers, who take them without blocking;
//   - a snapshot goes to the saver (saver.go), one at a time.
//
// The scrubber (scrubber.go) has a goroutine of its own, which reads what is at rest on the disk, a piece at a time, evenly over
// Config.ScrubInterval. What it finds damaged the node replaces by itself, by a snapshot that it takes for that: it goes on serving, and needs nobody.
//
// Everybody else may wait for the loop: sockets are not read while the inbox is full. Since the loop waits for no one, nobody
// waits in a circle. Nothing polls: a goroutine with nothing to do sleeps until it is woken.
//
// # Birth
//
// A data directory is given an incarnation, a random number, when it is first used. The members of a new
// cluster tell each other theirs. One that knows all of them promises, for ever, to found no cluster but theirs; and one that
// knows that all of them have promised the same forms the cluster (formation.go, where it is argued that two clusters never share a
// directory). The membership names each member's incarnation, and the cluster's identity is a hash of it. From
// then on a member is whoever holds that directory. One that comes back with an empty directory under its old name
// is refused: it does not know what it has promised, and its vote could elect a leader that lacks what was acknowledged.
//
// A node may also join a cluster that exists (Config.Join). It waits, and dials nobody, until a member greets it that counts this very
// directory as a member: then the directory is the cluster's, with an empty log, and the leader sends it what it lacks. From
// then on who belongs to the cluster is what the log says, and whom a node dials follows it (acquaintances.go).
//
// # Death
//
// Stop hands leadership over, answers what is still open, and closes. A failed write or sync ends the node
// at once (Done, Err): after it nobody knows what the disk holds, and whatever was acknowledged is kept by the others. A full
// disk is no failure: commands are refused until there is room. A disk that hangs makes the node not ready, and is not waited for
// when it ends. A broken invariant panics, and is not recovered: the process ends with the stack on standard error. Only a panic
// in the handler of an HTTP request is kept to its connection by net/http; what is decided is decided by the loop.
//
// # Succession
//
// When a majority is lost for good, the cluster is: whatever one member does, it can't know what the others had agreed on. What can be had is a
// new cluster that nobody mistakes for the old one (recover.go). Offline, one data directory or a saved snapshot is examined
// (remains.go), and directories are written for the members of a successor. They name a new identity and new incarnations, so
// that a member of the old cluster which turns up is refused like any stranger; and an epoch of the lock machine, so that no token, session or place of the
// old one comes again. The first successor of a directory is known to the second, by a mark in it that also keeps the old
// member from being started. Of two successors of different remains nobody knows but whoever runs them.
// A node whose log is damaged comes back all the same (package raft, "A disk that has lost something"): it is not ready, says in its log, its readiness and its
// metrics which entries it lacks, and goes on as ever when it has them back. It refuses to start only where it can't be sure what it
// has promised: when its identity is damaged, or the record with its newest term and vote.
//
// # What is left out
//
// Flags and files of configuration: they are the command's. More than one
// cluster on one set of ports.
package daemon
