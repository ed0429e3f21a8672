// Package linearizability judges what the clients of a lock service did, and what they were told: a History. It knows nothing
// of the service that is judged, of its code least of all, and takes histories of any lock service that grants fencing
// tokens.
//
// # What is judged
//
// A history passes if everything that was answered can have happened at one moment between its call and its return, one after
// the other, as a lock with tokens must behave:
//
//   - A lock is granted only while it is free, and under a higher token than ever before, over all locks.
//   - It stays held until its token is released, or its holder's session ends. A session ends when it is closed, or by itself:
//     then not before its whole TTL is over in true time, counted from the call of its last answered renewal by the fastest
//     clock that History.Drift and History.Slack allow. A model that could expire sessions at will would excuse any double grant.
//     An Open that is sent again renews nothing: the session may be as old as the first sending that got no answer.
//     Whoever is dead is granted nothing. A session that was never opened, and a lock that was acquired without one, never
//     expire.
//   - A release succeeds if and only if its token is the holder's, and so does a check.
//   - Every answer that tells the holder tells the one of some moment between call and return. For an Acquire that was granted,
//     and for a Release, that moment may come after its own: an answer that got lost and is given again tells who holds the
//     lock by then.
//   - The resource of a lock loses no update, applies none twice, and accepts no write under a lower token than it has seen.
//
// An operation without an answer may have been carried out at any time after its call, or never. So a token may be seen
// that no known Acquire was granted: an orphan. It must belong to one of the Acquires that got no answer, and since nobody
// knows to which, only their number up to each moment counts. Nobody knows how it ended either. An operation that
// was rejected was not carried out, and says nothing.
//
// # Who judges
//
// Two judges of locks, which share nothing but what the answers mean. Each lock is a case of its own: a strand of acts, each
// with the span in which it happened.
//
// Porcupine searches for an order of the acts of a strand, by trying. It needs no idea of its own about locks beyond the
// model of a few lines, but its cost can explode, so it has a budget, counted in steps of the model and not in seconds: a verdict
// is the same on every machine. What it could not decide in its budget is Undecided, which is no pass. Strands longer than
// Longest, and strands of which more acts overlap than Busiest, it is spared: there it might come to no end.
//
// The sweep uses that tokens tell the order of all grants. It is exact, takes O(n log n) for a history of any length, and says
// which two answers contradict each other; Sweep proves it. Its order is replayed through the model as a certificate, so that
// a mistake of the sweep can't pass what is broken.
//
// Judge runs both, and convicts them if they come to different ends. With the moments that the sweep has found it then compares
// the tokens of all locks: none is of two locks, and none is granted after a higher one.
//
// Calibrate shows the judges what is known to be broken, one history for each way, and is run before they are trusted.
//
// # What is absent
//
// Whether waiters are served in the order in which they came, whether they are served at all, and what clients believe about their
// locks: linearizability says nothing of these. Locks are judged apart, so that a session which dies for one lock and lives
// on for another is not noticed, nor one that dies early and holds nothing, nor whose the orphans were. Clocks, files, goroutines of its own, and
// randomness.
package linearizability
