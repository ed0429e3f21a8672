package sim

import (
	"time"

	"lockd/schedule"
	"lockd/sim/draw"
)

// Three profiles have all of one sort of trouble, where a swarm has a little of each: members that are far behind, members and links that are slow,
// and disks that lie.

// often lets faults come that the profile is about.
func (k *knobs) often(d draw.Draws, every []time.Duration, faults ...schedule.Fault) {
	for _, f := range faults {
		k.enabled[f], k.every[f] = true, draw.Pick(d, every...)
	}
}

// lag lets members be away for so long that the entries which they lack are gone, and has them interrupted again and again while they get the snapshot in
// small pieces, by losses of connections and power, and by changes of the leader.
func (k *knobs) lag(d draw.Draws) {
	k.often(d, []time.Duration{second, 3 * second}, schedule.Isolation, schedule.Kill, schedule.PowerLoss, schedule.Handover, schedule.PeerReset)
	k.snapshotBytes, k.keepBytes = 4<<10, draw.Pick(d, 0, 1<<10)
	k.chunkBytes, k.chunkPause = draw.Pick(d, 256, 1<<10), draw.Pick(d, millisecond, 10*millisecond)
	k.think, k.workers = 50*millisecond, 3
}

// drag slows everything down that lies between a leader and its followers, while much is to be sent: links, disks, nodes. Disks are full, or hang.
func (k *knobs) drag(d draw.Draws) {
	k.often(d, []time.Duration{second, 3 * second}, schedule.SlowLink, schedule.SlowDisk, schedule.SlowNode, schedule.FullDisk, schedule.Pause)
	k.appendBytes, k.inflight, k.leastBytes = draw.Pick(d, 200, 4<<10), draw.Pick(d, 4, 64), 4<<10
	k.think, k.workers = 50*millisecond, 3
}

// decay lets the disks of a minority rot, write astray and be lost, and those of all forget what was not synced, fail, and be torn in their writes.
func (k *knobs) decay(d draw.Draws) {
	k.often(d, []time.Duration{3 * second, 10 * second}, schedule.BitRot, schedule.Misdirected, schedule.PowerLoss, schedule.Kill, schedule.MidWrite,
		schedule.WriteError, schedule.FailedSync)
	for _, f := range [...]schedule.Fault{schedule.LostWrite, schedule.TornWrite, schedule.LostName} {
		k.enabled[f], k.chance[f] = true, draw.Million/2
	}
	k.snapshotBytes = draw.Pick(d, 4<<10, 32<<10)
	k.segmentBytes = 8 << 10
}
