// Package exhibits shows designs of locks that do not work, each breaking by the fault that breaks it.
//
// Every one of them looks right, was built by somebody, and does work while nothing goes wrong. So each is implemented here
// as well as its idea allows: clients count their leases from before they asked, look at their clocks a last time, take back
// what they left half done. Without its fault a design passes its own judge with every seed that was tried; with it, it
// breaks in some seeds, and Exhibit.Breaks says in how many of a thousand. The others do no harm, fault or not. That is why
// such designs are in use.
//
//	ttl-without-fencing         a lock with a time limit; its holder is stopped, and writes when it comes back
//	heartbeats-without-fencing  a holder that proves that it lives; its packets are late
//	timestamps-as-tokens        tokens that are times; the next server's clock stands behind
//	quorum-without-consensus    two replicas of three suffice; a claim reaches one
//	redlock                     three stores of five suffice; a store's clock is set
//	video-queue                 a queue that hands work out again; the first worker was not dead
//	release-without-token       a release that frees whatever lock there is; it comes late
//
// # The stage
//
// The stage (stage.go) is a small world that is a function of its seed. Machines (machine.go) have a monotonic clock that is
// right and a wall clock that may not be; they stand still, die, and send messages, which take a while. What runs on them is
// written straight down, as one would write it: a process (process.go) waits where a real one does. The file (file.go) is what locks are
// for: who edits it reads it, changes what it read, and writes it back whole; with a guard it compares fencing tokens.
//
// The judges know what nobody on the stage does: the true time, who believes what, and what a write was made of. They find
// the harm where it happens; no fault says what it leads to.
//
//	lost update               a write replaced a version that its writer had never read
//	two holders               one is granted the lock while another one holds it, by its own clock and the server's word
//	rightful holder refused   the file turns away who holds the lock, because of its token
//	blocked for ever          nobody holds the lock, and nobody will ever be let in
//	chunk encoded twice       one chunk has two results
//
// # The twins
//
// Beside each exhibit stands lockd under the same faults (twin.go): not a model of it, but the servers, logs and clients of
// the product, in the simulated world of package sim with all its judges. They come through, and the twin proves that the
// faults (faults.go) have bitten: holders were stopped until they had lost their lock, leaders fell, old tokens were refused.
// Of a run with hundreds of grants the story (story.go) keeps what the faults are about.
//
// # What is absent
//
// Drifting clocks, crashes with a restart, disks: no design here needs them to break.
package exhibits
