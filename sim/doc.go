// Package sim runs the lock service in a simulated world, and judges every run.
//
// A run is a function of its seed. Five servers, say, form a cluster and crash, are paused and cut off; eight clients
// want locks, hold them, write to a shared resource under them, and are stopped while they do. The servers, the log on
// disk, its recovery, the clients' sessions, and every byte between them are the product's own:
//
//	server.Server      steps what raft and lockfsm decide
//	wal over sim/disk  keeps the records, and reads them back after a crash
//	client/session     is each client
//	wire               encodes every message
//
// The world has only what the product does not decide: true time, delays, losses, crashes, and what clients want.
//
// # How it goes
//
// One agenda (agenda.go) holds all that is to happen, by true time; events of one instant come in an order that is drawn.
// Each server and client has a clock of its own (clock.go), which begins anywhere and runs fast or slow by as much as the
// protocol allows. A server takes a drawn number of inputs before it is drained (member.go). Its disk works while it goes on; a
// record is durable when an event says so, and a crash may come between any two operations of the disk (storage.go).
//
// Everything random comes from the seed, in a stream for each purpose and place (draw.go): one fault less shifts no other draw.
// Each run draws which faults it has, and how everything is tuned (knobs.go): that finds more than any one good setting.
//
// For Config.Duration there are faults (fault.go says which, nemesis.go and throne.go when). Then everything heals, everybody who waits must
// be served, and each worker must be granted one lock more.
//
// # Who judges
//
// The oracles (oracle.go) say one sentence each. The judge (judge.go) watches consensus from outside, and keeps a shadow of what
// each disk must hold (shadow.go). The book (book.go) is a second lock service, written as plainly as possible: it reads each
// committed entry and says what that must do, and what the machine did is compared with it (audit.go). Clients are judged by what
// they believe at true instants, the resource by the order of its tokens, and sessions by the true time that they were given.
// The product's own assertions count as well. A run that granted nothing does not pass.
//
// The hash of a run mixes every event with its bytes: two runs of a seed have the same, or something in the product depends on
// more than its inputs.
//
// # What is absent
//
// Full disks, rot and failed syncs; clocks that jump; restarts with an empty disk; changes of membership. Linearizability is
// not judged from the clients' history, but entry by entry against the book.
package sim
