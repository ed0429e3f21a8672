package sim

import (
	"time"

	"lockd/raft"
)

const (
	microsecond = time.Microsecond
	millisecond = time.Millisecond
	second      = time.Second
)

// knobs are all that a run draws once: which faults it has, and how everything is tuned. A run with a few faults goes deeper
// into them than one that has all (swarm testing): under permanent partitions nothing ever gets far enough to break in another way.
type knobs struct {
	enabled [Faults]bool
	every   [Faults]time.Duration // mean time between two strikes of a fault that strikes
	chance  [Faults]int           // in a million, of a fault that befalls messages

	election, heartbeat time.Duration
	appendBytes         int
	inflight            int
	chunkBytes          int
	keepEntries         int
	snapshotBytes       int
	segmentBytes        int64

	minDelay, meanDelay time.Duration // of a message between members
	clientDelay         time.Duration // mean, of a message from or to a client
	syncTime            time.Duration // mean
	batch               int           // most inputs before a drain
	linger              time.Duration // longest wait for them

	drift   int64 // that clocks may have, in parts per million
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
}

func drawKnobs(seed uint64) knobs {
	d := newDraws(seed, "knobs")
	var k knobs
	// One run in sixteen is calm, and one has everything at once.
	mood := d.below(16)
	share := pick(d, 150_000, 300_000, 500_000)
	for f := range Faults {
		on := d.chance(share)
		k.enabled[f] = mood != 0 && (mood == 1 || on)
		k.every[f] = pick(d, 500*millisecond, 2*second, 5*second, 15*second)
		k.chance[f] = pick(d, 1_000, 10_000, 50_000, 200_000)
	}
	k.chance[Coup] = pick(d, 100_000, 300_000, 700_000)
	k.chance[Ambush] = pick(d, 20_000, 200_000, 700_000)
	k.chance[BrokenOath] = pick(d, 100_000, 500_000)
	k.chance[Stray] = pick(d, 20_000, 200_000)
	k.drawServers(d)
	k.drawNetwork(d)
	k.drawClients(d)
	if intrigue := d.chance(million / 8); intrigue && mood != 0 {
		k.scheme(d)
	}
	return k
}

// scheme makes reigns short and many: leaders reach few, fall in the moment of their success, and soon come back. One entry
// travels in an Append, so that one of an earlier term is on a majority for a while before the first one of the leader's own is, as
// in figure 8 of the Raft paper. Everything else must be quick, and the load light, or nobody would be served.
func (k *knobs) scheme(d draws) {
	k.election, k.heartbeat = 150*millisecond, pick(d, 30*millisecond, 50*millisecond)
	k.appendBytes, k.inflight = 1, pick(d, 1, 256)
	k.enabled[Coup], k.chance[Coup] = true, 700_000
	k.enabled[Ambush], k.chance[Ambush] = true, 950_000
	k.syncTime, k.meanDelay, k.minDelay = min(k.syncTime, 500*microsecond), min(k.meanDelay, 500*microsecond), min(k.minDelay, 200*microsecond)
	k.think, k.workers = 500*millisecond, 1
}

func (k *knobs) drawServers(d draws) {
	k.election = pick(d, 150*millisecond, 300*millisecond, 300*millisecond, 1000*millisecond)
	k.heartbeat = k.election / time.Duration(pick(d, 3, 5, 6))
	k.appendBytes = pick(d, 1, 200, 4<<10, 1<<20)
	k.inflight = pick(d, 4, 16, 64, 256)
	if k.appendBytes == 1 {
		k.inflight = 256 // one entry in a message, and a few messages at a time, would be slower than the load
	}
	k.chunkBytes = pick(d, 64, 1<<10, 256<<10)
	k.keepEntries = pick(d, 0, 10, 1000)
	k.snapshotBytes = pick(d, 4<<10, 32<<10, 1<<20)
	k.segmentBytes = pick(d, int64(8<<10), 16<<10, 64<<10)
	k.batch = pick(d, 1, 2, 8, 32)
	k.linger = pick(d, 20*microsecond, 200*microsecond, 2*millisecond)
	k.syncTime = pick(d, 100*microsecond, 500*microsecond, 5*millisecond, 15*millisecond)
}

func (k *knobs) drawNetwork(d draws) {
	k.minDelay = pick(d, 20*microsecond, 200*microsecond, 2*millisecond)
	k.meanDelay = pick(d, 50*microsecond, 500*microsecond, 5*millisecond)
	k.clientDelay = pick(d, 100*microsecond, 1*millisecond, 10*millisecond)
	k.drift = pick(d, int64(100), 1000, 1000, 50_000)
}

func (k *knobs) drawClients(d draws) {
	k.ttlLow = pick(d, 2*second, 2*second, 5*second)
	k.ttlHigh = pick(d, 2*second, 5*second, 15*second)
	k.ttlHigh = max(k.ttlLow, k.ttlHigh)
	k.shared = pick(d, 1, 2, 4)
	k.workers = pick(d, 1, 2, 3)
	k.think = pick(d, 50*millisecond, 200*millisecond, 500*millisecond)
	k.hold = pick(d, 1*millisecond, 10*millisecond, 50*millisecond)
	k.cancels = pick(d, 0, 20_000, 200_000)
	k.careless = pick(d, 0, 500_000, million)
	k.longHold = pick(d, 0, 5_000, 50_000)
	k.closes = pick(d, 0, 2_000, 20_000)
}

func (k *knobs) raft(id raft.ID, source draws) raft.Config {
	return raft.Config{
		ID: id, ElectionTimeout: k.election, Heartbeat: k.heartbeat, Random: source,
		MaxAppendBytes: k.appendBytes, MaxInflight: k.inflight, MaxInflightBytes: 1 << 20,
		MaxUncommittedBytes: 1 << 20, ChunkBytes: k.chunkBytes, KeepEntries: k.keepEntries,
	}
}
