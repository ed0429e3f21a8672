// Package session is what a client of lockd decides, as a value that is stepped.
//
// A Session opens a session with the servers, keeps it alive, asks for locks in it and gives
// them back. It guesses who leads, follows hints, repeats what was not answered, and
// above all it says, at any instant and by its own clock, whether a lock is still held. It has no
// goroutine, timer, socket or clock of its own. Whoever drives it (the Go client, or a
// simulator) calls
//
//	Step(now, input)   once for each thing that happened
//	Drain(&output)     when no more input is at hand: what to send, and what the application is told
//	Deadline()         to learn when to step a Timeout if nothing else happens
//
// The instants are readings of one monotonic clock that also counts while the machine is suspended
// (CLOCK_BOOTTIME on Linux). A clock that stands still during suspension would let a laptop wake up
// and believe in a lock that somebody else was granted hours ago.
//
// # The lease
//
// The servers promise to keep a session for its TTL from the moment at which they decide its Open or a
// renewal. The client can't see that moment. It knows only that it lies behind the moment of sending, so
// it counts from there: from before the first sending, because the answer to a repeated request may be the
// answer to the first one, held up on its way. And the two clocks run at different rates: with a drift of ρ
// allowed on either side, a server that runs fast ends the lease after TTL/(1+ρ) of true time, in which a
// client that runs slow counts TTL·(1−ρ)/(1+ρ). That, rounded down, is the lease which the session believes in.
//
// Held compares the instant it is given with the end of that lease, and does not rely on any event having been
// processed: a process that was stopped for an hour gets the right answer from its first look, while the Timeout
// that would have told it is still waiting in its queue.
//
// A renewal is sent when a third of the lease is gone. When only a third is left and none was acknowledged,
// the session is in jeopardy: the application may still rely on its locks, and is well advised to come to an
// end. At the lease's end the session is lost, and stays lost. A renewal that is
// acknowledged after that is of no use: in between, the application was told, or looked and saw, that
// it holds nothing, and a lock that comes back from the dead is worse than none.
//
// An Open that took longer than a whole lease to be answered says nothing about how much of the
// lease is left. The session renews before it is used; nothing was held in it yet, so nothing can be lost.
//
// # Exactly once
//
// Acquire, Release and Cancel carry a sequence number. A request whose answer did not come is sent again
// with the same number, to whoever is thought to lead by then, and the servers answer it as they did the first
// time. The requests also carry the highest number up to which every answer has arrived, so that the servers
// know what they may forget. An Acquire that is being canceled counts as unanswered until its Cancel is answered:
// were its grant forgotten first, the Cancel would find nothing to take back, and the lock would stay
// with a session that does not know of it.
//
// Each sending has a correlation, which names the request and the attempt. An answer counts for the request, from
// whichever attempt it comes: all of them share one number, and so one answer. A refusal counts only for the
// latest attempt: that an earlier one was not carried out says nothing about the one in flight.
//
// An Acquire that waits is answered when the lock is granted, which may take hours, so silence means
// nothing. It is left in peace for as long as it rests with the endpoint to which renewals go
// and which answers them. When that endpoint disconnects, refuses or falls silent, everything in flight there is sent
// to the next, waiting requests too; the number keeps their place in the queue.
//
// # What a refusal means
//
// Not the leader, overloaded, disk full, stopping: the request was not carried out, and is sent again, at
// once where a leader is named, else after a pause that grows and is drawn at random, so that a
// thousand clients that lost one leader don't come back in step. Unknown: it may have been carried out,
// and is sent again with its number. A renewal that was refused is followed by a new renewal, counted from
// its own first sending; one that fell silent is repeated and counted from the old one.
//
// An application learns the outcome of each Acquire, Release and Cancel exactly once. Rejected means that
// nothing was carried out. Refused, Granted, Released and Canceled are answers of the lock machine. Unknown
// means that the request was sent, and that its answer will never be known, because the session was lost or closed
// first. Lost means that a lock was granted and is held no more. A token is all it takes to release
// a lock, so that others may do so while the session lives: of that the session hears only from
// a grant's answer that names another holder. It doesn't ask.
//
// # What is left out
//
// Reentrancy, and a mutex between the goroutines of one process: two Acquires of one name queue behind each other.
// Contexts and deadlines of callers: a caller that goes away steps a Cancel. Queries, which need no
// session. Finding the servers: the endpoints are numbers from zero, and a fixed set.
//
// A wait that lasts keeps the low-water mark below its number, and the servers keep a bounded number of
// answers above that mark. So a session in which one Acquire waits may make MaxRequests further
// ones until that wait ends; the next is rejected with ErrTooManyRequests. What needs more uses a second session.
package session
