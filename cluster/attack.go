package cluster

import (
	"context"
	"fmt"
	"time"

	"lockd/schedule"
)

// attack is how one kind of fault is drawn, and how it comes about. The second returns when the fault is over.
type attack struct {
	draw   func(*drawer, *schedule.Strike)
	befall func(*nemesis, context.Context, schedule.Strike)
	downs  bool // a member is down meanwhile
}

// attacks are the faults that real processes can suffer without any privilege. What is missing here needs another disk, clock
// or network than the machine has: the simulator's.
var attacks = [schedule.Faults]attack{
	schedule.Loss:      {draw: drawLoss, befall: (*nemesis).lose},
	schedule.SlowLink:  {draw: drawSlowLink, befall: (*nemesis).slowLink},
	schedule.Split:     {draw: drawSplit, befall: (*nemesis).cut},
	schedule.OneWay:    {draw: drawOneWay, befall: (*nemesis).cut},
	schedule.Isolation: {draw: drawServer, befall: (*nemesis).isolate},
	schedule.Bridge:    {draw: drawBridge, befall: (*nemesis).cut},
	schedule.Ring:      {draw: drawRing, befall: (*nemesis).cut},
	schedule.Flapping:  {draw: drawFlapping, befall: (*nemesis).flap},
	schedule.PeerReset: {draw: drawPeerReset, befall: (*nemesis).resetPeer},

	schedule.ClientCut:    {draw: drawClientCut, befall: (*nemesis).cut},
	schedule.ClientOneWay: {draw: drawClientOneWay, befall: (*nemesis).cut},
	schedule.ClientReset:  {draw: drawClientReset, befall: (*nemesis).resetClient},
	schedule.ClientSlow:   {draw: drawClientSlow, befall: (*nemesis).slowClient},

	schedule.Kill:        {draw: drawServer, befall: (*nemesis).kill, downs: true},
	schedule.Pause:       {draw: drawServer, befall: (*nemesis).pause, downs: true},
	schedule.SlowNode:    {draw: drawServer, befall: (*nemesis).slow, downs: true},
	schedule.Handover:    {draw: drawHandover, befall: (*nemesis).handOver},
	schedule.Coup:        {draw: drawCoup, befall: (*nemesis).strikeDown, downs: true},
	schedule.ClientPause: {draw: drawClient, befall: (*nemesis).pauseClient},
	schedule.ClientCrash: {draw: drawClient, befall: (*nemesis).crashClient},
}

func drawServer(d *drawer, s *schedule.Strike) { s.Server, s.Lasts = d.server(), d.while() }

func drawPeerReset(d *drawer, s *schedule.Strike) { s.Server = d.server() }

func drawClient(d *drawer, s *schedule.Strike) { s.Client, s.Lasts = d.client(), d.nap() }

// drawLoss makes one member lose what it sends.
func drawLoss(d *drawer, s *schedule.Strike) {
	s.Place, s.Lasts, s.Amount = member(d.member()).String(), 2*d.while(), 50_000+d.Int64N(300_000)
}

func drawSlowLink(d *drawer, s *schedule.Strike) {
	s.Server, s.Lasts, s.Amount = d.server(), d.while(), int64(d.pick(30*time.Millisecond, 100*time.Millisecond, 400*time.Millisecond))
}

func drawClientSlow(d *drawer, s *schedule.Strike) {
	s.Client, s.Lasts, s.Amount = d.client(), d.nap(), int64(d.pick(50*time.Millisecond, 300*time.Millisecond, time.Second))
}

func drawClientReset(d *drawer, s *schedule.Strike) { s.Place = fmt.Sprint("c", d.client()) }

func drawHandover(d *drawer, s *schedule.Strike) { s.Server = d.member() }

func drawCoup(d *drawer, s *schedule.Strike) {
	s.Place, s.Lasts = member(d.member()).String(), d.while()
}

// cut kills the directions that the strike names.
func (n *nemesis) cut(ctx context.Context, s schedule.Strike) {
	n.hinder(ctx, s, n.named(s.Cut), &Hindrance{Dead: true})
}

// isolate cuts a member off from all others. Clients still reach it.
func (n *nemesis) isolate(ctx context.Context, s schedule.Strike) {
	if len(s.Cut) > 0 {
		n.cut(ctx, s)
		return
	}
	victim := member(n.serverOrLeader(s.Server))
	n.hinder(ctx, s, n.links(func(d direction) bool { return !d.from.crew && !d.to.crew && (d.from == victim || d.to == victim) }), &Hindrance{Dead: true})
}

// flap cuts again and again, for as long each time as there is no cut after it.
func (n *nemesis) flap(ctx context.Context, s schedule.Strike) {
	period := time.Duration(s.Amount)
	if period <= 0 {
		period = 100 * time.Millisecond
	}
	h, ways := &Hindrance{Dead: true}, n.named(s.Cut)
	n.injected(s.Fault)
	for end := time.Now().Add(time.Duration(s.Lasts)); time.Now().Before(end) && ctx.Err() == nil; pause(ctx, period) {
		hinder(ctx, ways, h, period)
	}
	n.bitten(s.Fault, h)
}

// lose makes TCP send again what is sent at a place, or in a direction, now and then. Without a length it is one packet.
func (n *nemesis) lose(ctx context.Context, s schedule.Strike) {
	ways := n.at(s.Place)
	if s.Lasts == 0 {
		s.Lasts = schedule.Duration(retransmission)
		n.hinder(ctx, s, ways, &Hindrance{Dead: true})
		return
	}
	n.hinder(ctx, s, ways, &Hindrance{Loss: s.Amount})
}

// slowLink makes slow what a member sends to others, or the directions that the strike names.
func (n *nemesis) slowLink(ctx context.Context, s schedule.Strike) {
	ways := n.named(s.Cut)
	if len(ways) == 0 {
		slow := member(n.serverOrLeader(s.Server))
		ways = n.links(func(d direction) bool { return d.from == slow && !d.to.crew })
	}
	n.hinder(ctx, s, ways, &Hindrance{Delay: time.Duration(s.Amount)})
}

func (n *nemesis) slowClient(ctx context.Context, s schedule.Strike) {
	slow := place{true, n.crewOf(s.Client)}
	n.hinder(ctx, s, n.links(func(d direction) bool { return d.from == slow || d.to == slow }), &Hindrance{Delay: time.Duration(s.Amount)})
}

func (n *nemesis) resetPeer(_ context.Context, s schedule.Strike) {
	n.reset(s.Fault, member(n.serverOrLeader(s.Server)))
}

func (n *nemesis) resetClient(_ context.Context, s schedule.Strike) {
	for _, d := range n.ends(s.Place) {
		if d.crew {
			n.reset(s.Fault, d)
		}
	}
}

func (n *nemesis) reset(f schedule.Fault, at place) {
	n.injected(f)
	if n.network.reset(at) > 0 {
		n.observed(f)
	}
}

// kill is kill -9 of a member, which is started again in the end.
func (n *nemesis) kill(ctx context.Context, s schedule.Strike) {
	victim := n.claim(ctx, n.serverOrLeader(s.Server))
	if victim == nil {
		return
	}
	defer n.release(victim)
	n.fell(ctx, s, victim)
}

// fell kills a member that was claimed, and starts it again.
func (n *nemesis) fell(ctx context.Context, s schedule.Strike, victim *Node) {
	n.injected(s.Fault)
	victim.Kill()
	n.observed(s.Fault) // Kill has waited for the end of the process
	pause(ctx, time.Duration(s.Lasts))
	n.trouble(victim.Start())
}

// pause is SIGSTOP, and SIGCONT in the end.
func (n *nemesis) pause(ctx context.Context, s schedule.Strike) {
	victim := n.claim(ctx, n.serverOrLeader(s.Server))
	if victim == nil {
		return
	}
	defer n.release(victim)
	n.injected(s.Fault)
	if victim.Suspend() {
		n.observed(s.Fault)
	}
	pause(ctx, time.Duration(s.Lasts))
	victim.Resume()
}

// slow gives a member a moment now and then, so that all that it does takes long.
func (n *nemesis) slow(ctx context.Context, s schedule.Strike) {
	const stands, runs = 60 * time.Millisecond, 20 * time.Millisecond
	victim := n.claim(ctx, n.serverOrLeader(s.Server))
	if victim == nil {
		return
	}
	defer n.release(victim)
	n.injected(s.Fault)
	stood := time.Duration(s.Lasts) > 0 && ctx.Err() == nil
	for end := time.Now().Add(time.Duration(s.Lasts)); time.Now().Before(end) && ctx.Err() == nil; pause(ctx, runs) {
		stood = victim.Suspend() && stood
		pause(ctx, stands)
		victim.Resume()
	}
	if stood {
		n.observed(s.Fault)
	}
}

// handOver asks the leader to step down for another member: the one that is named, or, if that one leads, the best.
func (n *nemesis) handOver(ctx context.Context, s schedule.Strike) {
	before, to := n.throne.leader(), s.Server
	if to == before {
		to = 0
	}
	n.injected(s.Fault)
	if after := n.transfer(ctx, to); after != 0 && after != before {
		n.observed(s.Fault)
	}
}

// strikeDown makes a member the leader, and kills it as soon as it leads.
func (n *nemesis) strikeDown(ctx context.Context, s schedule.Strike) {
	ends := n.ends(s.Place)
	victim := n.claim(ctx, ends[len(ends)-1].number)
	if victim == nil {
		return
	}
	defer n.release(victim)
	if n.transfer(ctx, victim.ID) != victim.ID && n.throne.leader() != victim.ID {
		return // nobody led who could have made it the leader
	}
	n.fell(ctx, s, victim)
}

func (n *nemesis) pauseClient(ctx context.Context, s schedule.Strike) {
	victim := n.claimCrew(n.crewOf(s.Client))
	if victim == nil {
		return
	}
	defer n.releaseCrew(victim)
	n.injected(s.Fault)
	if victim.Suspend() {
		n.observed(s.Fault)
	}
	pause(ctx, time.Duration(s.Lasts))
	victim.Resume()
}

func (n *nemesis) crashClient(ctx context.Context, s schedule.Strike) {
	victim := n.claimCrew(n.crewOf(s.Client))
	if victim == nil {
		return
	}
	defer n.releaseCrew(victim)
	n.injected(s.Fault)
	victim.Kill()
	n.observed(s.Fault) // Kill has waited for the end of the process
	pause(ctx, time.Duration(s.Lasts))
	n.trouble(victim.start())
}
