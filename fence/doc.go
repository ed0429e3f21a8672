// Package fence lets the owner of a resource refuse whoever lost the lock on it.
//
// # Why a lock is not enough
//
// A lock service can tell a client that it holds a lock. It cannot tell the client that it
// holds the lock now: between the answer and its use the client may be stopped for a minute
// by a garbage collector, a debugger or the migration of its machine, its lease runs out,
// the next client is granted the lock, and then the first one wakes up and writes. No clock
// on either side closes that gap, because the last instruction before the write can always
// be the slow one. The only place that sees both clients is the resource itself.
//
// So every grant carries a token, a number that only rises. The holder sends it along with
// each operation, and the resource remembers the highest it has seen:
//
//	client A is granted the lock with token 34, reads, and is stopped
//	A's lease runs out; client B is granted the lock with token 35
//	B writes with 35: passes, and the mark of the resource is 35
//	A wakes up and writes with 34: refused
//
// A [Guard] is that memory. [Guard.Do] compares the token with the mark of the resource,
// raises the mark, and runs the operation, with nothing of the same resource in between.
// Other resources go on meanwhile. An equal token passes, since one grant covers any number
// of operations; zero is never a token.
//
// # Reads present the token too
//
// A guard that sees only writes loses updates:
//
//	B, holding 35, reads the document
//	A, stopped since it held 34, wakes up and writes: the mark is still 34, so it passes
//	B writes what it made of its reading: A's write is lost, though it was acknowledged,
//	and a document that B never saw existed for a while
//
// B's read must raise the mark to 35 before it returns any data; then A's write is refused.
// Whatever a holder does under its lock therefore goes through Do, reading as well. Readers
// that hold no lock and merely look need no token and no guard.
//
// # In memory or durable
//
// [New] keeps marks in memory. That is right when the resource lives in the memory of the
// same process and dies with it. A resource that outlives the process needs [Open]: else a
// restart of its owner forgets 35, and A's late write is accepted after all. The durable
// guard syncs a raised mark to disk before the operation begins, so whatever crash follows
// an operation, its mark is there. An equal token writes nothing: a holder pays for one sync
// per resource, not for one per operation.
//
// Marks lie in one file of fixed records (record.go draws it). Opening reads it, cuts off a
// record that a crash left unfinished, and writes it anew, so that nothing is relied upon
// that sat only in a page cache. Anything else that does not fit is a [DamageError] naming
// the file and the place: a guard that guessed would let an old holder in.
//
// A sync that fails is not repeated and believed: from then on the guard refuses everything
// with [ErrBroken] until its directory is opened again. A write that fails, on a full disk
// say, refuses that one operation, and the guard serves again when there is room. Marks of
// different resources are synced one after another, so the disk's syncs in a second bound how
// often grants change hands, though not how fast holders work. The directory is held by one
// guard at a time, and belongs on a local file system: the guard is as durable as its syncs
// and renames are.
//
// Marks are never forgotten, for forgetting one is accepting an old token. A resource costs
// less than 250 bytes of memory for as long as its guard lives (names are kept as hashes, so
// their length does not matter) and 64 bytes of disk, up to three times that and 256 KiB
// between compactions. Whoever may choose resource names freely may fill both, so let them
// come from what exists, not from what a stranger typed.
//
// # What a guard cannot do
//
// It orders tokens; it does not know whether a token was ever granted. A client that makes
// up a high one shuts out the true holder. Authenticate clients first.
//
// It protects what happens inside Do. An operation that hands its work to a goroutine, a
// queue or another machine and returns has left the guard, and what arrives there late
// arrives unguarded: give the token along and compare it again at the far end. The same
// holds for an operation that is cut short by a crash while a storage system still carries
// it out.
//
// It does not undo. An operation that fails halfway, or that panics, leaves what it did, and
// its mark stays raised: it may have had an effect.
//
// It does not interrupt. A holder that stops in the middle of an operation keeps the next
// holder waiting for as long as the operation lasts, so bound it: over HTTP by the server's
// ReadTimeout, or by reading the whole request before the guard is asked.
//
// Two guards for one resource are none. Marks are not shared between processes.
package fence
