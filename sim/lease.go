package sim

import (
	"lockd/linearizability"
	"lockd/lockfsm"
	"lockd/raft"
	"lockd/schedule"
	"lockd/server"
	"lockd/sim/draw"
)

// Reads at followers, and by lease. Every query that a client makes past its session may go to any server, and its answer must be true
// whoever gives it. In some runs it may also rest on the leader's lease, and then the rates of servers' clocks may be off by no more than was
// promised: runs in which these clocks jump, strobe or freeze have no such reads. What is drawn for them is drawn from streams of their
// own, so that a run without them is what it would be if there were none.

// drawLeases draws whether clients read by lease.
func (k *knobs) drawLeases(c Config) {
	d := draw.New(c.Seed, "leases")
	some, leases, eager := d.Chance(2*draw.Million/3), draw.Pick(d, 300_000, 900_000), draw.Pick(d, 0, 300_000, 900_000)
	switch c.Profile {
	case Default, Swarm:
		if some && k.looks > 0 {
			k.leases, k.eager = leases, eager
		}
	case Leases:
		k.lend(d)
	case BeyondLeases:
		k.lend(d)
		k.drift, k.skew = 1000, 500_000
	}
	if k.bendsServers() {
		k.leases = 0
	}
}

// bendsServers tells whether servers' clocks do what no lease survives.
func (k *knobs) bendsServers() bool {
	return k.enabled[schedule.ClockJump] || k.enabled[schedule.ClockStrobe] || k.enabled[schedule.ClockFreeze]
}

// lend has everybody read by lease, while the clocks of servers run as wrong as is allowed, and leaders are cut off, hand over, and lose
// those who had promised them something. An election takes long, for as long as a lease lasts, and the load is light, so that
// followers have everything for a while.
func (k *knobs) lend(d draw.Draws) {
	k.leases, k.eager, k.plots = 900_000, 900_000, true
	k.looks, k.drift, k.skew = 500_000, 100_000, 100_000
	k.election, k.heartbeat = draw.Pick(d, 300*millisecond, 600*millisecond), 50*millisecond
	k.think, k.workers = draw.Pick(d, 300*millisecond, 2*second, 4*second), 1
	k.ttlLow, k.ttlHigh = 10*second, 15*second
	k.syncTime, k.meanDelay, k.minDelay = min(k.syncTime, 500*microsecond), min(k.meanDelay, 500*microsecond), min(k.minDelay, 200*microsecond)
	for _, f := range [...]schedule.Fault{schedule.ClockJump, schedule.ClockStrobe, schedule.ClockFreeze} {
		k.enabled[f] = false
	}
	k.enabled[schedule.Drift] = true
	for _, f := range [...]schedule.Fault{schedule.Isolation, schedule.Handover, schedule.Kill, schedule.SlowLink} {
		k.enabled[f], k.every[f] = true, draw.Pick(d, 2*second, 4*second)
	}
}

// look asks a server whether a token is the holder's. The answer must be the truth, whoever gives it.
func (c *client) look(name string, token lockfsm.Token, member int) {
	leases := c.world.knobs.leases
	check := server.Check{Name: name, Token: token, Lease: leases > 0 && c.trust.Chance(leases)}
	c.ask(member, check, linearizability.Operation{
		Kind: linearizability.Check, Client: int32(c.place + 1), Lock: name, Token: uint64(token),
	})
}

// verify asks at once whether a token is good that was just granted: a follower that has not come so far must wait, and a leader that was
// deposed, and does not know it yet, must not say no.
func (w *worker) verify() {
	c := w.client
	if c.world.knobs.leases == 0 || c.world.healed {
		return
	}
	eager, member := c.trust.Chance(c.world.knobs.eager), c.trust.Below(len(c.world.members))
	if rival := c.world.rival(); rival != nil {
		member = rival.place
	}
	if eager {
		c.look(w.name, w.token, member)
	}
}

// lends notes that a read reaches a leader whose lease will do.
func (m *member) lends(request server.Request) {
	check, checks := request.(server.Check)
	if node := m.server.Node(); checks && check.Lease && node.Role() == raft.Leader && len(m.world.members) > 1 && node.Leased(m.now()) {
		m.world.hit(readByLease)
	}
}

// serves notes that a follower answers a query.
func (m *member) serves(answer server.Answer) {
	if _, checked := answer.(server.Checked); checked && m.server.Node().Role() == raft.Follower {
		m.world.hit(readAtFollower)
	}
}

// unleased judges a new leader: no earlier one may still answer reads by lease. The last vote of an election may also arrive when a later
// term has its leader, and its lease: the majority that elected that one is past the old term, in which nothing can be committed any more.
func (j *judge) unleased(m *member, term raft.Term) {
	for _, other := range j.world.members {
		if other != m && other.up() && other.server.Node().Role() == raft.Leader && other.server.Node().Term() < term && other.server.Node().Leased(other.now()) {
			j.fail(Leasing, "server %d is elected in term %d, and server %d may still answer by its lease of term %d",
				m.id, term, other.id, other.server.Node().Term())
		}
	}
}
