package lockfsm

import (
	"cmp"
	"strings"
	"time"
)

// state is everything that the log has decided. It is a value whose trees can be cloned
// in O(1); a snapshot is such a clone of the primary part.
type state struct {
	primary
	derived
}

// primary is what a snapshot carries.
type primary struct {
	version  Version       // the one in force
	revision uint64        // index of the last entry
	time     time.Duration // of the last entry
	last     Token         // the highest token granted, with its epoch
	digest   hash
	done     tally

	sessions tree[sessionKey, session]
	locks    tree[nameKey, lock]       // held ones
	queue    tree[queueKey, waiter]    // in order of place behind each lock
	requests tree[requestKey, request] // answers, and the Acquires that wait for theirs
}

// derived finds records by something else than their key. It follows from primary.
type derived struct {
	nonces    tree[numberKey, SessionID] // of sessions that named one
	expiry    tree[expiryKey, struct{}]
	grants    tree[tokenKey, string] // the name of the lock held under a token
	held      tree[heldKey, struct{}]
	waits     tree[waitKey, string] // the name of the lock that a session's waiter is queued for
	deadlines tree[deadlineKey, string]
}

// tally counts what the machine has done since it was born.
type tally struct {
	grants, releases, expiries, timedOut, cancels uint64
}

// Invariants: ttl is between MinTTL and MaxTTL; deadline is at most one ttl ahead of the machine's time;
// held, waiting and requests count the session's locks, waiters and remembered requests.
type session struct {
	nonce        uint64 // zero: none
	ttl          time.Duration
	deadline     time.Duration // not expired before
	owner        string
	acknowledged Sequence // every answer up to here was received
	held         int
	waiting      int
	requests     int
	newest       Sequence // at least that of any request that is remembered: derived, like the counts
}

// lock is a held lock. One that nobody holds is not in the state at all: the next token
// comes from a counter of the whole machine, so nothing about the lock need be remembered.
//
// Invariants: the session lives; waiters counts the queue behind the lock. The token is
// zero only between the end of one grant and the next, within one entry.
type lock struct {
	token   Token
	session SessionID
	place   Place // of the Acquire that got it
	since   time.Duration
	value   []byte
	waiters int
}

// waiter is a queued Acquire.
//
// Invariants: the session lives; until is Forever or after the machine's time; if
// sequence is not zero, its request is remembered as Waiting at this place.
type waiter struct {
	session  SessionID
	sequence Sequence
	since    time.Duration
	until    time.Duration // Forever, or when it gives up
	value    []byte
}

// request is what is remembered of a numbered command: enough to know it again and to
// answer it as the first time.
//
// An Acquire whose Cancel came before it is remembered as Canceled, without a name: the
// name and the fingerprint are filled in when it arrives.
type request struct {
	fingerprint hash
	kind        kind
	status      Status
	name        string // of the lock it was about
	token       Token
	place       Place
	revision    uint64
}

func (r request) awaited() bool { return r.kind == kindAcquire && r.name == "" }

type (
	sessionKey SessionID
	tokenKey   Token
	nameKey    string
	numberKey  uint64

	queueKey struct {
		name  string
		place Place
	}
	requestKey struct {
		session  SessionID
		sequence Sequence
	}
	expiryKey struct {
		deadline time.Duration
		session  SessionID
	}
	heldKey struct {
		session SessionID
		token   Token
	}
	waitKey struct {
		session SessionID
		place   Place
	}
	deadlineKey struct {
		until time.Duration
		place Place
	}
)

func (k sessionKey) compare(other sessionKey) int { return cmp.Compare(k, other) }
func (k tokenKey) compare(other tokenKey) int     { return cmp.Compare(k, other) }
func (k numberKey) compare(other numberKey) int   { return cmp.Compare(k, other) }
func (k nameKey) compare(other nameKey) int       { return strings.Compare(string(k), string(other)) }

func (k queueKey) compare(other queueKey) int {
	if order := strings.Compare(k.name, other.name); order != 0 {
		return order
	}
	return cmp.Compare(k.place, other.place)
}

func (k requestKey) compare(other requestKey) int {
	if order := cmp.Compare(k.session, other.session); order != 0 {
		return order
	}
	return cmp.Compare(k.sequence, other.sequence)
}

func (k expiryKey) compare(other expiryKey) int {
	if order := cmp.Compare(k.deadline, other.deadline); order != 0 {
		return order
	}
	return cmp.Compare(k.session, other.session)
}

func (k heldKey) compare(other heldKey) int {
	if order := cmp.Compare(k.session, other.session); order != 0 {
		return order
	}
	return cmp.Compare(k.token, other.token)
}

func (k waitKey) compare(other waitKey) int {
	if order := cmp.Compare(k.session, other.session); order != 0 {
		return order
	}
	return cmp.Compare(k.place, other.place)
}

func (k deadlineKey) compare(other deadlineKey) int {
	if order := cmp.Compare(k.until, other.until); order != 0 {
		return order
	}
	return cmp.Compare(k.place, other.place)
}
