package raft

import "slices"

// A member whose last record is lost does not know its own word: it may have voted in the term that it reads, or have been told of a later one and voted
// there, and it may have acknowledged entries of which nothing is left. Until it knows enough it abstains: it votes for nobody, acknowledges
// nothing and changes nothing, so that the others decide as if it were down (FAST 2018, §3.2: a node whose term or vote is faulty).
//
// # How the doubt ends
//
// It asks all others for their term (Oath), with a number drawn for this process, so that no answer is taken for fresh that was given before
// the loss. When every voter has answered (Sworn), it takes a term that lies above all of theirs by a Leap, in which it has voted for nobody, and from
// then on is a convalescent like others (repair.go), with the claim that its log ended in that very term.
//
// # Why that is enough
//
// Let T be the highest term in which it had promised anything, M the highest that the others tell, and J = M + Leap its new one.
//
//   - J is above T. Whoever asked for a promise in T was in T himself, and on disk, before he asked. If he votes, he has answered since: T <= M.
//     Otherwise he was removed, or added where nobody else knows of it, or it was this member itself that stood; and he got from a term that a voter knows to T by
//     standing for election again and again, unheard by any of them. Nobody does that a million times. (A majority is not enough: the one
//     who was not asked may be the candidate who has this member's vote, and he may have heard of another member's leap, which the majority has not.)
//   - If the record that has J is lost as well, before anybody else has heard of it, the next answers may lead to J once more. Nothing was promised in it
//     but the term itself: nobody stands in J, so there was nobody to vote for, and no leader whose entries it could acknowledge.
//   - So a member that was told of J while all was well, and has said nothing since, could be in just this state, as far as votes and terms
//     go. No promise in a term up to T can be broken in a term above it.
//   - What it had acknowledged was in terms up to T, and there is no entry of J: nobody stands in J. So by its claim it votes for nobody before some leader of a
//     term above J has been elected by a majority without it. That majority shares a member other than this one with each that committed an entry in an
//     earlier term: so that leader has all of them, and so has every log that ends in its term or a later one. Such a log it may vote for,
//     and when its own is one, it is whole: the argument of repair.go, with J for the term of the claim.
//   - A leader of a term below J may count what this member had acknowledged, until it hears that it is lost. What it commits by that
//     is on another voter's disk before that one votes above J.
//
// # Who must answer
//
// The voters of the newest membership that any answer tells of, as soon as an answer tells that it is committed; while it is joint, those of both
// halves. Nobody answers who is in doubt himself: two of them wait until an operator replaces one. A member that is gone for good is waited for
// until it is removed. With two voters the other one can't be elected alone, and an operator must decide what is to be believed.
//
// The price is an election: the leader of the day hears of J, and gives way.

// Leap is how far above all others a member begins anew that has lost its last record: farther than any member gets by
// elections of which no other one hears.
const Leap = 1 << 20

// oath is what a member has under way that is in doubt.
type oath struct {
	nonce   uint64
	answers []answer // by who gave them, each the last one
}

// answer is one member's word.
type answer struct {
	from       Member
	term       Term
	since      Index
	settled    bool
	membership Membership
}

// swear asks everybody who is known once more.
func (n *Node) swear() {
	n.calm()
	for _, m := range n.Known() {
		if m.ID != n.id {
			n.adjure(m.ID)
		}
	}
	for _, a := range n.oath.answers {
		for _, m := range a.membership.voters() {
			if m.ID != n.id && n.members().find(m.ID) == nil {
				n.adjure(m.ID)
			}
		}
	}
}

func (n *Node) adjure(to ID) {
	n.outbox = append(n.outbox, n.envelope(to, &Oath{Term: n.term, Nonce: n.oath.nonce}))
}

// abstain is what becomes of a message while this member is in doubt.
func (n *Node) abstain(envelope Envelope) {
	switch m := envelope.Message.(type) {
	case *Sworn:
		n.onSworn(Member{ID: envelope.From, Incarnation: envelope.Incarnation}, m)
	case *Fetch: // what it can read is what it is
		n.onFetch(envelope.From, m)
	case *Plea:
		n.onPlea(envelope.From, m)
	case *Append, *Chunk:
		if n.members().find(envelope.From) == nil {
			n.adjure(envelope.From) // it knows of whom this member does not, which may have lost every membership
		}
	}
}

// onOath tells a member that is in doubt what this one knows, when that is durable.
func (n *Node) onOath(from ID, m *Oath) {
	p := n.placed()
	n.rest(from, &Sworn{Term: n.term, Nonce: m.Nonce, Since: p.index, Settled: p.index <= n.commit, Membership: p.membership})
}

func (n *Node) onSworn(from Member, m *Sworn) {
	if m.Nonce != n.oath.nonce {
		return
	}
	n.oath.note(answer{from: from, term: m.Term, since: m.Since, settled: m.Settled, membership: m.Membership})
	if roll, known := n.oath.roll(); known && n.oath.complete(roll, n.id) {
		n.resume()
	}
}

func (o *oath) note(a answer) {
	o.answers = slices.DeleteFunc(o.answers, func(earlier answer) bool { return earlier.from == a.from })
	o.answers = append(o.answers, a)
}

// roll is the newest membership of which an answer tells that it is committed, unless one of its own voters tells of a newer one: that may be committed as well, and
// none ever is without one of them. Who has lost his snapshot may tell of none.
func (o *oath) roll() (roll Membership, known bool) {
	newest := Index(0)
	for _, a := range o.answers {
		if a.settled && len(a.membership.Members) > 0 && (!known || a.since > newest) {
			roll, newest, known = a.membership, a.since, true
		}
	}
	for _, a := range o.answers {
		if a.since > newest && roll.votes(a.from.ID, a.from.Incarnation) {
			return Membership{}, false
		}
	}
	return roll, known
}

// complete tells whether all who vote have answered, but for this member. Where nobody else votes, it alone may know of a later membership, and so do all who
// could vote by that.
func (o *oath) complete(roll Membership, self ID) bool {
	voters := roll.voters()
	if !slices.ContainsFunc(voters, func(m Member) bool { return m.ID != self }) {
		voters = roll.All()
	}
	return !slices.ContainsFunc(voters, func(m Member) bool { return m.ID != self && !o.has(m) })
}

func (o *oath) has(m Member) bool {
	return slices.ContainsFunc(o.answers, func(a answer) bool { return a.from.ID == m.ID && a.from.Incarnation == m.Incarnation })
}

// resume ends the doubt.
func (n *Node) resume() {
	highest := n.term
	for _, a := range n.oath.answers {
		highest = max(highest, a.term)
	}
	n.oath = nil
	n.stepDown(highest + Leap)
	n.damage.end = LastWord(n.log.last(), n.term)
}

// LastWord is the claim of a member that has lost its last record, and whose log can be read up to an entry: whatever it held, it held before
// the term. No log is up to date with that which has nothing of a later term.
func LastWord(last Index, term Term) Position { return Position{last + 1, term} }

// InDoubt tells whether this member abstains, because its disk has lost its last word.
func (n *Node) InDoubt() bool { return n.oath != nil }

// awaits are those whose answer is missing to a member in doubt. Nobody: nobody is known to it yet, or whether a membership is committed.
func (n *Node) awaits() (missing []ID) {
	if n.oath == nil {
		return nil
	}
	roll, known := n.oath.roll()
	if !known {
		roll = *n.members()
	}
	for _, m := range roll.voters() {
		if m.ID != n.id && !n.oath.has(m) {
			missing = append(missing, m.ID)
		}
	}
	return missing
}
