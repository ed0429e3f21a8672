package sim

import (
	"time"

	"lockd/raft"
	"lockd/schedule"
	"lockd/sim/draw"
)

const (
	microsecond = time.Microsecond
	millisecond = time.Millisecond
	second      = time.Second
)

// knobs are all that a run draws once: which faults it has, and how everything is tuned. A run with a few faults goes deeper
// into them than one that has all (swarm testing): under permanent partitions nothing ever gets far enough to break in another way.
type knobs struct {
	enabled [schedule.Faults]bool
	every   [schedule.Faults]time.Duration // mean time between two strikes of a fault that strikes
	chance  [schedule.Faults]int           // in a million, of a fault that befalls messages

	election, heartbeat time.Duration
	appendBytes         int
	inflight            int
	leastBytes          int // that may be in flight to a follower
	chunkBytes          int
	keepBytes           int
	chunkPause          time.Duration
	snapshotBytes       int
	segmentBytes        int64
	calls               int // in flight at a server

	minDelay, meanDelay time.Duration // of a message between members
	clientDelay         time.Duration // mean, of a message from or to a client
	syncTime            time.Duration // mean
	batch               int           // most inputs before a drain
	linger              time.Duration // longest wait for them

	scrub time.Duration // between two looks of a scrub

	atlas   int   // how many members' disks may lose what was durable; zero: a minority
	drift   int64 // that clocks may have, in parts in a million
	skew    int64 // that they have at most
	opposed bool  // servers' clocks are all fast, and clients' all slow
	ttlLow  time.Duration
	ttlHigh time.Duration

	shared   int // locks that all clients want
	workers  int // of a client, each wanting one lock at a time
	think    time.Duration
	hold     time.Duration
	cancels  int // chance in a million that a worker changes its mind
	careless int // chance in a million that a holder writes without a look at its lock
	longHold int // chance in a million that a worker holds its lock for seconds
	closes   int // chance in a million that a client closes its session after a lock
	looks    int // chance in a million that a holder asks a server whether its token is still good

	contention int // chance in a million that a worker wants a lock that all want

	leases   int  // chance in a million that a query may rest on a lease
	eager    int  // chance in a million that whoever is granted a lock asks at once whether its token is good
	plots    bool // handovers and kills come when a lease makes them worst
	founders int  // how many servers found the cluster; zero: all
	succeeds bool // another cluster was there before, and was lost
}

// drawKnobs draws what the profile leaves open.
func drawKnobs(c Config) knobs {
	d := draw.New(c.Seed, "knobs")
	var k knobs
	k.drawFaults(d)
	k.drawServers(d)
	k.drawNetwork(d)
	k.drawClients(d)
	k.skew = k.drift
	k.scrub = draw.Pick(draw.New(c.Seed, "scrub"), second, 2*second, 5*second)
	k.chunkPause = draw.Pick(draw.New(c.Seed, "chunk pause"), 0, millisecond, 10*millisecond)
	k.leastBytes = draw.Pick(draw.New(c.Seed, "bytes in flight"), 4<<10, 64<<10)
	opposed := d.Chance(draw.Million / 12)
	intrigue := d.Chance(draw.Million / 8)
	belated := d.Chance(draw.Million / 10)
	switch c.Profile {
	case Swarm:
		if opposed && k.enabled != [schedule.Faults]bool{} {
			k.oppose()
		}
		if intrigue && k.enabled != [schedule.Faults]bool{} {
			k.scheme(d)
		}
		if belated && k.enabled != [schedule.Faults]bool{} {
			k.cling()
		}
		k.weather(c.Seed)
	case Thousand:
		k.produce()
		k.queueUp(c.Clients)
	case MembersChange:
		k.drawMembers(draw.New(c.Seed, "members"), c.Members)
	case BeyondClocks:
		k.produce()
		k.mislead()
	case BeyondDisks:
		k.produce()
		k.destroy(d)
	case Versions:
	case CatchUp:
		k.lag(draw.New(c.Seed, CatchUp))
	case Slow:
		k.drag(draw.New(c.Seed, Slow))
	case Disks:
		k.decay(draw.New(c.Seed, Disks))
	case Calm:
		k.produce()
		k.enabled = [schedule.Faults]bool{}
	default:
		k.produce()
	}
	k.drawTurnover(c)
	k.drawSuccession(c)
	k.drawLeases(c)
	k.drawUpgrades(c)
	return k
}

// drawTurnover lets nodes come and go in one run in eight of those in which anything goes wrong.
func (k *knobs) drawTurnover(c Config) {
	d := draw.New(c.Seed, "turnover")
	if turnover := d.Chance(draw.Million / 8); turnover && (c.Profile == Default || c.Profile == Swarm) && k.enabled != [schedule.Faults]bool{} {
		k.drawMembers(d, c.Members)
	}
}

// drawSuccession lets one run of a swarm in sixteen begin where another cluster was lost.
func (k *knobs) drawSuccession(c Config) {
	sometimes := draw.New(c.Seed, "succession?").Chance(draw.Million / 16)
	k.succeeds = c.Profile == Recovered || c.Profile == Swarm && sometimes
}

// drawFaults draws which faults the run has, and how often they come. One run in sixteen is calm, and one has everything at once.
func (k *knobs) drawFaults(d draw.Draws) {
	mood := d.Below(16)
	share := draw.Pick(d, 80_000, 200_000, 400_000)
	for f := range schedule.Members { // which has a stream of its own: see drawMembers
		on := d.Chance(share)
		k.enabled[f] = mood != 0 && (mood == 1 || on)
		k.every[f] = draw.Pick(d, 500*millisecond, 2*second, 5*second, 15*second)
		k.chance[f] = draw.Pick(d, 1_000, 10_000, 50_000, 200_000)
	}
	k.chance[schedule.Coup] = draw.Pick(d, 100_000, 300_000, 700_000)
	k.chance[schedule.Ambush] = draw.Pick(d, 20_000, 200_000, 700_000)
	k.chance[schedule.BrokenOath] = draw.Pick(d, 100_000, 500_000)
	k.chance[schedule.Stray] = draw.Pick(d, 5_000, 50_000)
	k.chance[schedule.Obituary] = draw.Pick(d, 500_000, draw.Million)
	for _, f := range [...]schedule.Fault{schedule.LostWrite, schedule.TornWrite, schedule.LostName} {
		k.enabled[f] = mood != 0 && d.Chance(700_000) // power is lost rarely enough
		k.chance[f] = draw.Pick(d, 500_000, draw.Million)
	}
	for _, f := range [...]schedule.Fault{schedule.BitRot, schedule.Misdirected, schedule.Wipe} {
		k.every[f] *= 4
	}
	if mood == 1 {
		for f := range k.every {
			k.every[f] *= 8 // each by itself is rarer, or nothing would ever get anywhere
		}
	}
}

// drawMembers lets nodes come and go. Disks are not destroyed in such a world: a minority of its nodes may be a majority of its members.
func (k *knobs) drawMembers(d draw.Draws, nodes int) {
	k.founders = min(nodes, draw.Pick(d, 1, 2, 3, 3, 4, 5))
	k.enabled[schedule.Members] = true
	k.every[schedule.Members] = draw.Pick(d, 200*millisecond, 500*millisecond, second, 3*second)
	for f, is := range destroys {
		k.enabled[f] = k.enabled[f] && !is
	}
}

// produce sets what a real lockd has, and a load that never lets up: some twenty-five grants a second as long as nothing is
// wrong, half of them of locks that all clients want.
func (k *knobs) produce() {
	k.election, k.heartbeat = 300*millisecond, 50*millisecond
	k.appendBytes, k.inflight, k.chunkBytes, k.calls = 1<<20, 256, 256<<10, 100_000
	k.chunkPause, k.leastBytes = 4*millisecond, 64<<10
	k.shared, k.workers = 4, 2
	k.think, k.hold = 330*millisecond, 10*millisecond
	k.contention = 560_000
}

// queueUp makes everybody want one lock at once, and hold it for a moment.
func (k *knobs) queueUp(clients int) {
	k.shared, k.workers, k.contention = 1, 1, draw.Million
	k.think, k.hold = second, millisecond
	k.longHold, k.cancels = 0, min(k.cancels, 20_000)
	k.ttlLow, k.ttlHigh = 15*second, 30*second
}

// oppose lets all clocks of servers run as fast as is allowed, and all of clients as slow, while leases are short and holders are stopped: the
// protocol must have reckoned with just that.
func (k *knobs) oppose() {
	k.opposed, k.drift, k.skew = true, 50_000, 50_000
	k.enabled[schedule.Drift], k.enabled[schedule.ClientPause], k.enabled[schedule.ClientCut] = true, true, true
	k.every[schedule.ClientPause], k.every[schedule.ClientCut] = 2*second, 2*second
	k.ttlLow, k.ttlHigh = 2*second, 2*second
	k.longHold = 200_000
}

// mislead lets clocks run far from what the protocol was told that they do, and holders trust them for long.
func (k *knobs) mislead() {
	k.drift, k.skew = 1000, 500_000
	k.enabled[schedule.Drift], k.enabled[schedule.ClientPause] = true, true
	k.every[schedule.ClientPause] = 2 * second
	k.ttlLow, k.ttlHigh = 2*second, 2*second
	k.careless, k.longHold = draw.Million, 200_000
}

// destroy lets bits rot, writes go astray and disks be replaced on any server.
func (k *knobs) destroy(d draw.Draws) {
	k.atlas = 9
	for _, f := range [...]schedule.Fault{schedule.BitRot, schedule.Misdirected, schedule.Wipe, schedule.PowerLoss} {
		k.enabled[f], k.every[f] = true, draw.Pick(d, 2*second, 5*second, 15*second)
	}
}

// scheme makes reigns short and many: leaders reach few, fall in the moment of their success, and soon come back. One entry
// travels in an Append, so that one of an earlier term is on a majority for a while before the first one of the leader's own is, as
// in figure 8 of the Raft paper. Everything else must be quick, and the load light, or nobody would be served.
func (k *knobs) scheme(d draw.Draws) {
	k.election, k.heartbeat = 150*millisecond, draw.Pick(d, 30*millisecond, 50*millisecond)
	k.appendBytes, k.inflight = 1, draw.Pick(d, 1, 256)
	k.enabled[schedule.Coup], k.chance[schedule.Coup] = true, 700_000
	k.enabled[schedule.Ambush], k.chance[schedule.Ambush] = true, 950_000
	k.syncTime, k.meanDelay, k.minDelay = min(k.syncTime, 500*microsecond), min(k.meanDelay, 500*microsecond), min(k.minDelay, 200*microsecond)
	k.think, k.workers = 500*millisecond, 1
}

// cling lets leaders go on after their time, again and again, while everybody asks whether tokens are good.
func (k *knobs) cling() {
	k.enabled[schedule.ClockFreeze], k.every[schedule.ClockFreeze] = true, 2*second
	k.looks = 300_000
}

func (k *knobs) drawServers(d draw.Draws) {
	k.election = draw.Pick(d, 150*millisecond, 300*millisecond, 300*millisecond, 1000*millisecond)
	k.heartbeat = k.election / time.Duration(draw.Pick(d, 3, 5, 6))
	k.appendBytes = draw.Pick(d, 1, 200, 4<<10, 1<<20)
	k.inflight = draw.Pick(d, 4, 16, 64, 256)
	if k.appendBytes == 1 {
		k.inflight = 256 // one entry in a message, and a few messages at a time, would be slower than the load
	}
	k.chunkBytes = draw.Pick(d, 64, 1<<10, 256<<10)
	k.keepBytes = draw.Pick(d, 0, 1<<10, 128<<10)
	k.snapshotBytes = draw.Pick(d, 4<<10, 32<<10, 1<<20)
	k.segmentBytes = draw.Pick(d, int64(8<<10), 16<<10, 64<<10)
	k.calls = draw.Pick(d, 128, 1000, 10_000)
	k.batch = draw.Pick(d, 1, 2, 8, 32)
	k.linger = draw.Pick(d, 20*microsecond, 200*microsecond, 2*millisecond)
	k.syncTime = draw.Pick(d, 100*microsecond, 500*microsecond, 5*millisecond, 15*millisecond)
}

func (k *knobs) drawNetwork(d draw.Draws) {
	k.minDelay = draw.Pick(d, 20*microsecond, 200*microsecond, 2*millisecond)
	k.meanDelay = draw.Pick(d, 50*microsecond, 500*microsecond, 5*millisecond)
	k.clientDelay = draw.Pick(d, 100*microsecond, 1*millisecond, 10*millisecond)
	k.drift = draw.Pick(d, int64(100), 1000, 1000, 50_000)
}

func (k *knobs) drawClients(d draw.Draws) {
	k.ttlLow = draw.Pick(d, 2*second, 2*second, 5*second)
	k.ttlHigh = draw.Pick(d, 2*second, 5*second, 15*second)
	k.ttlHigh = max(k.ttlLow, k.ttlHigh)
	k.shared = draw.Pick(d, 1, 2, 4)
	k.workers = draw.Pick(d, 1, 2, 3)
	k.think = draw.Pick(d, 50*millisecond, 200*millisecond, 500*millisecond)
	k.hold = draw.Pick(d, 1*millisecond, 10*millisecond, 50*millisecond)
	k.cancels = draw.Pick(d, 0, 20_000, 200_000)
	k.careless = draw.Pick(d, 0, 500_000, draw.Million)
	k.longHold = draw.Pick(d, 0, 5_000, 50_000)
	k.closes = draw.Pick(d, 0, 2_000, 20_000)
	k.looks = draw.Pick(d, 0, 100_000, 300_000)
	k.contention = draw.Million / 2
}

func (k *knobs) raft(id raft.ID, incarnation uint64, source draw.Draws) raft.Config {
	return raft.Config{
		ID: id, Incarnation: incarnation, ElectionTimeout: k.election, Heartbeat: k.heartbeat, Drift: k.drift, Random: source,
		MaxAppendBytes: k.appendBytes, MaxInflight: k.inflight, MaxInflightBytes: 1 << 20, MinInflightBytes: k.leastBytes,
		MaxUncommittedBytes: 1 << 20, ChunkBytes: k.chunkBytes, KeepBytes: k.keepBytes, ChunkPause: k.chunkPause,
	}
}
