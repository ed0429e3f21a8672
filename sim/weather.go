package sim

import (
	"lockd/schedule"
	"lockd/sim/draw"
)

// weather lets one run in a dozen have each of a few moods that faults drawn one by one hardly ever come to: a bug that takes three things
// at once is else met in one run in thousands.
func (k *knobs) weather(seed uint64) {
	if k.enabled == [schedule.Faults]bool{} {
		return
	}
	for i, change := range [...]func(*knobs){(*knobs).waver, (*knobs).faint, (*knobs).flicker} {
		if draw.New(seed, "weather", i).Chance(draw.Million / 12) {
			change(k)
		}
	}
}

// waver lets clients that live long want what others hold, and change their minds, while their connections break all the time: what
// a Cancel is to undo, and whether it arrives, is never sure.
func (k *knobs) waver() {
	k.cancels, k.closes = 500_000, 0
	k.shared, k.contention = 1, 3*draw.Million/4
	k.ttlLow, k.ttlHigh = max(k.ttlLow, 5*second), max(k.ttlHigh, 15*second)
	k.enabled[schedule.ClientReset], k.chance[schedule.ClientReset] = true, 50_000
	for _, f := range [...]schedule.Fault{schedule.ClientCrash, schedule.ClientPause, schedule.ClientCut, schedule.ClientOneWay, schedule.ClientClockJump} {
		k.enabled[f] = false
	}
}

// faint lets holders of short leases stand still again and again, right behind a renewal as often as not.
func (k *knobs) faint() {
	k.enabled[schedule.ClientPause], k.every[schedule.ClientPause] = true, 500*millisecond
	k.ttlLow, k.ttlHigh = 2*second, 2*second
	k.longHold = 300_000
}

// flicker lets the power come and go, again before much was written, while slow disks have several small records before them: of these some
// are kept, and some that come before them are not.
func (k *knobs) flicker() {
	k.appendBytes, k.inflight, k.batch, k.syncTime = 1, 256, 1, 15*millisecond
	k.enabled[schedule.PowerLoss], k.every[schedule.PowerLoss] = true, 300*millisecond
	k.enabled[schedule.LostWrite], k.chance[schedule.LostWrite] = true, 500_000
}
