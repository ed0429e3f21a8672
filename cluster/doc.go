// Package cluster starts real lockd processes on this machine, does to them what happens to real ones, and
// judges what their clients saw.
//
// It is the other half of the simulator. The simulator runs the code that decides, in a world it
// controls; what stays outside of it (the loop, the sockets, real files and processes) runs here, under
// kill -9, SIGSTOP, SIGTERM and a network that swallows packets. A trial is not repeatable to the letter, so it counts what it
// did and saw, and says so: a trial that saw too little has failed.
//
// # The general trial
//
// Torment (trial.go) takes a schedule, in the simulator's own format. Draw (draw.go) draws one from a seed: every kind of fault in
// turn, several in force at most times, and never more members down than a minority. Attacks (attack.go) is the table of the
// faults that real processes can suffer without any privilege. What a schedule of the simulator asks for beyond that (clocks, disks,
// messages that arrive twice) is left out, and the report says so. Each fault is counted when it is injected, and when it is
// seen to bite: bytes were held back, a process stood still or was gone, another member led.
//
// Every connection goes through a Proxy of its two ends (network.go), and there is one Way for each direction between two places, which
// all of their connections share. A way can be hindered by itself: cut, slowed, or made lossy. TCP loses no bytes, so neither do we.
// A lost packet is one that comes a retransmission later, with all that was sent after it; a cut is a pause, of which neither end hears,
// and what was sent into it arrives when it is over, also if its sender has long given up. A connection that is made during
// a cut is taken by the proxy, as no cut cable would, and gets no answer.
//
// The clients live in processes of their own, called crews (crew.go), because what is to be stopped or killed with all its goroutines and
// clocks must be a process. In a schedule, a client stands for its whole crew. A worker (worker.go) grabs a lock, reads the resource that it
// protects, changes what it read, writes it back, gives the lock back. Some look whether they still hold it before they write, some do
// not; the fence must stop both if they come too late. Whatever a worker does is told on a pipe before it can have an
// effect, and again when it is over; so the chronicle (chronicle.go) knows of an operation whose process was killed in its midst.
// Renewals are seen through the length of lease that the client library says is left.
//
// In the end all faults are taken back, and every client must get a lock within a bound. Then the judges of package linearizability
// look at the history. The resource itself tells of lost updates, the clients of sessions that were ended early, the places that the
// servers give to requests of who was served out of order; and a process that ended by itself is a violation, whatever else was seen.
//
// # Trials of one thing
//
//	Kills      nodes are killed under load, the leader at least every other time
//	Failover   how long it takes to get over a leader that was killed, asked to stop, or stopped, or whose disk hangs
//	Rolling    all members are upgraded under load, one after the other, from a binary that supports the oldest version only
//	Replace    a member is killed for good under load, and another machine takes its place
//	CatchUp    what it costs a busy cluster that a member which lacks a million entries catches up
//	FullDisk   disks of a follower, the leader and a majority are filled under load
//	Queue      a thousand sessions wait for one lock
//	Cutoff     a `lockd lock` is cut off from all servers: its command must be dead before anyone else is granted the lock
//	Pause      a holder is stopped for longer than its TTL: it must know, and the guard refuse its late write
//	Languages  a client in Node.js and one with curl grab, check and release
//
// All times are read from one monotonic clock, that of the machine, which is the same in all of its processes. Only
// processes that a trial started are ever signalled, and only loopback addresses are used.
//
// # What is left out
//
// In a trial by schedule: losses of power and faults of disks and clocks, which need a machine of one's own, or the simulator; requests and answers that
// arrive twice, as TCP does not deliver them; members that are added or removed.
package cluster
