// Package server is one node of the lock service without its goroutines: consensus, the lock machine and
// the calls in flight, as a value that is stepped.
//
//	node.Step(now, server.Call{ID: 7, Request: lockfsm.Acquire{...}})
//	node.Step(now, raft.Receive{Envelope: envelope})
//	node.Drain(&output)
//
// The shell around it (package daemon with sockets and files, package sim with simulated ones) hands in what happened,
// any number of inputs, drains once, and carries the Output out in any order. Nothing in here
// waits, reads a clock or draws a random number.
//
// # The way of a call
//
// A command is checked, encoded and proposed; the call waits in the table under the index of its entry. When
// that entry is applied, the call gets the machine's answer, or, for an Acquire that has
// to queue, moves on to wait under its place until a later entry settles it. Renewals that came in between two drains
// share one entry. Queries wait for a confirmed read, and are answered from the machine: at any member, since a follower has its
// leader confirm how far it must have come. Whoever trusts clocks may have a query rest on the leader's lease, which takes no round of messages.
//
// # What a caller may rely on
//
// Every call gets exactly one answer, unless it is hung up. A Refusal says that nothing was done, except for
// Unknown: then the node lost its leadership after it had proposed the command, and says so at
// once instead of letting the caller wait for a time-out; the same request, with the same number, finds its first answer at the
// new leader. Only a leader takes commands; the others name it.
//
// # Time
//
// Sessions end by entries that the leader proposes when their deadline, in cluster time, has come (expiry.go). The
// leader acts on a Timeout only, which the shell steps when it has nothing else left to hand
// in: a renewal that was waiting in a socket while the process was stopped is read first.
//
// # Versions
//
// The leader writes commands in the version in force, as it has applied it, and raises that when every member of the cluster has said, in answer
// to a round, that its program supports more (version.go). What this node's program can't read is taken in neither from others nor from its own disk: then the
// node is Outdated, and does nothing more. An Upgrade is as safe as any entry: a leader that falls with an Upgrade uncommitted leaves it to its
// successor, or loses it with all that was written behind it; and whoever holds it knows what it needs.
//
// # Bounds
//
// Calls in flight and bytes proposed are bounded; beyond them a call is refused as Overloaded. When the disk is
// full, commands are refused as DiskFull until there is room again.
//
// # What is left out
//
// Forwarding of calls, and everything about addresses: members are numbers here.
package server
