// Package lockfsm is the lock service as a function of its log: sessions, exclusive locks,
// first-come queues and fencing tokens. Every replica applies the same entries and so
// comes to the same state and gives the same answers.
//
// It is pure: no clock, no goroutine, no input but the entries. Time is the cluster time
// that each entry carries, which never falls along the log. A Machine is stepped with
// Apply (or Advance, for entries without a command), tells what the entry did in an
// Applied, and is asked for views in between.
//
// # Sessions
//
// A session is what holds locks and waits for them. Open gives it a TTL, Renew gives it
// the full TTL again from its entry's time on. It ends in two ways only: by Close, or by
// an Expire that names the deadline which the leader saw pass. If a renewal came before
// the Expire in the log, the deadline has moved and nothing happens; nor does anything
// happen if the entry's time is before the deadline. That time is merely passed ends
// nothing, and a Renew after the deadline but before any Expire saves the session: a lease
// may last longer than asked, never shorter.
//
// A session's end is one entry. Its waiters leave their queues (UnknownSession), its
// answers are forgotten, and its locks go to the next in line. If an Expire ends several
// sessions, all their waiters leave before the first lock is handed over, so that no lock
// goes to somebody whom the same entry ends.
//
// A session is named by the index of the entry that opened it. An Open that is repeated
// with the same nonce finds the session again as long as it lives, as it is: it is not
// renewed.
//
// # Locks and tokens
//
// A lock is held by one grant at a time, and each grant has a token. Tokens come from one
// counter of the whole machine and rise strictly over all grants of all locks for ever. So
// a lock that nobody holds leaves nothing behind: it can be deleted, and whoever gets a
// lock of that name later still has a higher token than everybody before.
//
//	Token   0 │ generation 10 bits │ number 53 bits
//
// The generation is zero, until a majority is lost or a backup has to be restored. The
// machine that is left then doesn't know which tokens were granted after its last entry. So
// its successor begins empty, in an epoch above any that it can know of (epoch.go): tokens
// are of the next generation, and so is the log, so that no session and no place of the old
// cluster comes again either. Its holders find their sessions unknown and their tokens
// stale. What the old machine held does not matter, nor whether its last entries were
// committed: the epoch is the same.
//
// A free lock is granted at once. A held one answers Busy (NoWait) or queues the Acquire
// behind all others. Locks are not reentrant: a second Acquire of the holder's own session
// queues as well, since two threads of one process exclude each other as any two. A waiter
// is named by its place, the index of its Acquire; places order the queue. The end of a
// grant makes the next one in the same entry: one waiter is woken, nobody can come in
// between. A bounded wait ends with the first entry whose time has reached its deadline,
// before that entry's own command: a waiter is never granted by an entry that came too
// late for it.
//
// # Giving back
//
// Release shows a token, and ends the grant of that token or nothing. The name must be the
// lock's, so that a caller which mixes two locks up hears of it (WrongName). The session,
// if one is named, must live, but need not be the holder's: the token is the proof, and a
// release may be handed to another process with it. The session serves to find the answer
// again.
//
// Cancel takes an Acquire back that its caller no longer wants, without knowing what
// became of it: a waiter leaves its queue, a grant ends if it still lasts, and an Acquire
// that has not arrived is refused when it does. An Acquire that is over is left alone, and
// that is OK as well. Withdraw does the same for an Acquire without a number, by its
// place.
//
// # Exactly once
//
// A request with a session and a sequence number is carried out once. Repeated, it finds
// its first answer: status, token, place and deciding revision are those of the decision,
// refusals such as Busy included. A Waiting one keeps its place; once settled, its answer
// is the grant (or why there was none). Current and Last are filled in afresh each time:
// an answer that is given again never tells an outdated holder. The grant in a repeated
// answer may thus be over, and then Token is not Current. That stays so after a Cancel
// took the grant back.
//
// What a request said is remembered as a fingerprint. Another command under the same
// number is refused (SequenceReused). Not remembered is what is refused in the same way
// every time anyhow: what Validate finds, and UnknownSession, since session numbers never
// come again. TooManyRequests can't be remembered either, so a duplicate of such a request
// that the network delivers later may still be carried out: a client that was refused so,
// and gives up, acknowledges that number too or cancels it.
//
// Each request carries the highest number up to which its client has all answers. The mark
// only moves up, also with a request that is refused; answers up to it are forgotten,
// and a new request up to it is refused (SequenceForgotten). An Acquire that still waits has
// no answer to forget: it stays, wherever the mark is, until it is settled. At most
// MaxRequests are remembered for a session. Sequence zero means that the request is never
// repeated, and without a session (a Release may have none) the number means nothing.
//
// # Versions
//
// Every command and every snapshot begins with the version in which it is written (version.go). The state has the version in force, which
// begins with the oldest and rises by Upgrade; no command of a later version than that is applied. So what an older program can't read is
// never in a log before every member had a program that can, and whoever meets it all the same, after a downgrade say, gets a
// VersionError, which says what to install. A command does the same in whichever version it is written: a request that is repeated
// behind an Upgrade finds its first answer. A recovered cluster begins with the oldest version again.
//
// # Cost
//
// State is kept in sorted trees (see tree.go), each command costs O(log n) in sessions,
// locks and waiters, and whatever it ends or settles costs as much again. A hand-over
// among ten thousand waiters is as cheap as among ten. A Snapshot is O(1) and immutable:
// the machine goes on, and copies those nodes of the trees that it writes to. Everything
// is bounded by the limits in limit.go; the length of a Renew or an Expire is bounded by
// that of a log entry.
//
// # Invariants
//
// Those that are cheap are asserted at every step, and panic: indexes and tokens rise,
// time does not fall, a lock is granted only while it is free and only to a session that
// lives. Check looks at all the others: nobody waits for a free lock, every holder's and
// waiter's session lives, no token is held twice, all counts and indexes agree. Restore
// calls it. Digest sums up what every entry did: replicas that disagree on anything
// disagree on it.
//
// # What is absent
//
// Wall clocks and lock delays; shared locks, semaphores and elections; watches;
// authorization. Whether a command may be proposed, by whom, and who hears of its answer,
// is the server's business.
package lockfsm
