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
// One agenda holds all that is to happen, by true time; events of one instant come in an order that is drawn. Each server and
// client has a clock of its own (clock.go), which begins anywhere, runs fast or slow, and may jump, strobe or stand still. A server
// takes a drawn number of inputs before it is drained (member.go). Its disk works while it goes on; a record is durable when an
// event says so, and a crash may come between any two operations of the disk (storage.go).
//
// # What goes wrong
//
// Package schedule lists the faults. Attacks come at instants of their own (nemesis.go, partition.go, clockfault.go, damage.go);
// accidents befall what happens anyway, a message or an election (accident.go, throne.go). Each draws from a stream that its kind,
// its place and its number name, so that a fault taken away shifts no other draw. A run draws which kinds it has at all, and its
// profile says what else is drawn (knobs.go): that finds more than any one good setting. What came about can be recorded as a schedule, and a run
// that follows the schedule is the same run, to the last bit of its hash.
//
// The faults stay within what the protocol promises to survive. What clocks do wrong is measured, and weakens two judges by just as much
// (promise.go); durable data is damaged on a minority of servers at most (damage.go), and whoever comes back from that is
// held to what it had, and to what it had promised (doubt.go), and has to be repaired (debt.go); what rots at rest is found by a server that runs, and
// replaced (scrub.go). The profiles whose names begin with "beyond" go just
// further, and there the service must refuse, and never be wrong; but for reads by lease, which rest on clocks and on nothing else (lease.go): beyond
// the bound they are wrong, and the judges must see it.
//
// In the profile "recovered" the world succeeds another one, which lived under faults of its own until it lost all servers but one, and was recovered
// from what that one's disk tells (succession.go). The marks of the resource last, and the old holders come back to it.
//
// In some worlds the members' programs are of different versions, and are replaced under way, also by older ones (upgrade.go): what one of them supports is
// all that differs between them. The profile "versions" has nothing but such worlds.
//
// For Config.Duration there are faults. Then a drawn majority heals while the others stay broken (heal.go); everybody who waits must
// be served, and each worker must be granted one lock more.
//
// # Who judges
//
// The oracles (oracle.go) say one sentence each. The judge (judge.go) watches consensus from outside, and keeps a shadow of what
// each disk must hold (shadow.go). The book (book.go) is a second lock service, written as plainly as possible: it reads each
// committed entry and says what that must do, and what the machine did is compared with it (audit.go). Clients are judged by what
// they believe at true instants, the resource by the order of its tokens, and sessions by the true time that they were given.
// When the run is over, what the clients called and were told (history.go) is judged once more by package linearizability, which
// knows nothing of servers. The product's own assertions count as well. A run that granted nothing does not pass.
//
// Probes (probe.go) count what must happen in some run: runs in which nobody ever waited say nothing about queues.
//
// The hash of a run mixes every event with its bytes: two runs of a seed have the same, or something in the product depends on
// more than its inputs.
//
// # What is absent
//
// A server whose identity is lost is refused and stays away, and so does one that is in doubt of its last record (doubt.go) and waits for such a one:
// nobody replaces them, but in the profile members.
package sim
