package sim

import (
	"slices"

	"lockd/lockfsm"
)

// compare holds what the machine did against what the book says. The worst difference is named first: a lock granted
// wrongly comes before a wrong answer.
func (b *book) compare(before []*hold, expected answer, command lockfsm.Command) {
	result := b.applied.Result
	acquire, acquires := command.(lockfsm.Acquire)
	if acquires && result.Status == lockfsm.OK && result.Token != expected.token {
		b.wrongGrant(before, acquire.Name, acquire.Session, result.Token)
	}
	for _, s := range b.applied.Settled {
		if s.Result.Status == lockfsm.OK && b.guests[s.Result.Session] == nil {
			b.wrongSettlement(before, s) // what follows from it is not what is wrong
		}
	}
	same := func(a, s lockfsm.Settled) bool {
		return a.Place == s.Place && a.Result.Status == s.Result.Status && a.Result.Token == s.Result.Token
	}
	for _, s := range b.applied.Settled {
		// Who was granted the right token, but out of turn, is named below.
		rightly := slices.ContainsFunc(b.settled, func(other lockfsm.Settled) bool { return same(other, s) })
		if s.Result.Status == lockfsm.OK && !rightly {
			b.wrongSettlement(before, s)
		}
	}
	if result.Last != b.last {
		b.world.judge.fail(Tokens, "entry %d: the highest token is %d, and should be %d", b.index, result.Last, b.last)
	}
	if !slices.EqualFunc(b.applied.Settled, b.settled, same) {
		b.world.judge.fail(ExactlyOnce, "entry %d settles %d waiters, in another way or order than the %d it should", b.index, len(b.applied.Settled), len(b.settled))
	}
	if !slices.Equal(b.applied.Ended, b.ended) {
		b.world.judge.fail(ExactlyOnce, "entry %d ends sessions %v, and should end %v", b.index, b.applied.Ended, b.ended)
	}
	if renew, renews := command.(lockfsm.Renew); renews {
		b.compareRenewals(renew)
	}
	if result.Status != expected.status || result.Session != expected.session || result.Token != expected.token || result.Place != expected.place {
		b.world.judge.fail(ExactlyOnce, "entry %d, %T, is answered with status %d, session %d, token %d, place %d, and should be with %d, %d, %d, %d", b.index, command,
			result.Status, result.Session, result.Token, result.Place, expected.status, expected.session, expected.token, expected.place)
	}
}

// wrongSettlement names what is wrong with the grant of a waiter.
func (b *book) wrongSettlement(before []*hold, s lockfsm.Settled) {
	for _, t := range b.queue {
		if t.place == s.Place {
			b.wrongGrant(before, t.name, t.session, s.Result.Token)
		}
	}
	b.wrongGrant(before, "", s.Result.Session, s.Result.Token)
}

// wrongGrant names what is wrong with a grant that the book does not have.
func (b *book) wrongGrant(before []*hold, name string, session lockfsm.SessionID, token lockfsm.Token) {
	if b.guests[session] == nil {
		b.world.judge.fail(DeadSession, "entry %d grants token %d to session %d, which has ended", b.index, token, session)
	}
	held := func(h *hold) bool { return h.name == name }
	if at := slices.IndexFunc(before, held); at >= 0 && slices.Contains(b.holds, before[at]) {
		b.world.judge.fail(Exclusion, "entry %d grants lock %s to session %d as token %d, while session %d holds it as token %d",
			b.index, name, session, token, before[at].session, before[at].token)
	}
	if slices.ContainsFunc(b.queue, func(t *ticket) bool { return t.name == name }) {
		b.world.judge.fail(FirstCome, "entry %d grants lock %s to session %d as token %d, and somebody else was first", b.index, name, session, token)
	}
	b.world.judge.fail(ExactlyOnce, "entry %d grants session %d token %d, and should not", b.index, session, token)
}

// compareRenewals looks whom the machine has told that it lives.
func (b *book) compareRenewals(c lockfsm.Renew) {
	if len(b.applied.Renewals) != len(c.Sessions) {
		b.world.judge.fail(ExactlyOnce, "entry %d renews %d sessions, and answers %d", b.index, len(c.Sessions), len(b.applied.Renewals))
		return
	}
	for i, id := range c.Sessions {
		told, lives := b.applied.Renewals[i], b.guests[id] != nil
		if told.Session != id || (told.Status == lockfsm.OK) != lives {
			b.world.judge.fail(ExactlyOnce, "entry %d tells session %d that its renewal has status %d, and it lives: %v", b.index, id, told.Status, lives)
		}
	}
}
