package main

import (
	"fmt"
	"slices"
	"time"

	"lockd/schedule"
	"lockd/sim"
)

// A campaign as a whole may show that its worlds prove less than they seem to. That is a failure as well.

// From how many worlds of a profile on, and from how often a fault was injected in them, it must have been seen to make a
// difference: of fewer, all may well have come to nothing.
const (
	enoughSeeds   = 50
	enoughStrikes = 20
)

// enoughTime is for how long the worlds of a profile must have lasted to have reached what is essential.
const enoughTime = 50 * time.Minute

// essential are the probes that all worlds of a thorough profile together reach many times over in that time. If they never do, the load
// or the faults are not what they seem.
var (
	thorough  = []string{sim.Default, sim.Swarm}
	essential = []string{
		"a leader is deposed", "entries are cut from a log", "a follower is given a snapshot", "a lock passes from one client to another",
		"a holder's session expires", "a repeated command is told its first answer", refusal,
		"a read is served at a follower", "a read is served by lease",
	}
)

// upgraded are those of worlds whose members are given other programs.
var upgraded = []string{
	"members run programs of different versions", "the version in force rises in a cluster that was mixed", "a program is too old for what is in force",
}

// refusal is what must be seen where leases mean nothing.
const refusal = "the resource refuses an old token"

// calibrate shows the judges histories that are known to be right or wrong. Judges that fail have no say: no world is run.
func (t *tally) calibrate(c *campaign) bool {
	if err := c.calibrate(); err != nil {
		t.doubt(c, "broken", "calibration", err.Error(), exitHarness)
		return false
	}
	return true
}

// doubts adds what the campaign as a whole has failed in.
func (t *tally) doubts(c *campaign) {
	if t.seeds == 0 {
		t.doubt(c, "unknown", "not-vacuous", "no world was run: nothing is known", exitUnknown)
	}
	for _, p := range t.profiles {
		for f, count := range p.faults {
			if p.seeds >= enoughSeeds && count.Injected >= enough(schedule.Fault(f)) && count.Observed == 0 {
				t.doubt(c, "vacuous", "not-vacuous", fmt.Sprintf("profile %s: %v was injected %d times in %d worlds, and never seen to make a difference: these runs say nothing about it",
					p.name, schedule.Fault(f), count.Injected, p.seeds), exitUnknown)
			}
		}
		for _, name := range p.missed() {
			t.doubt(c, "vacuous", "not-vacuous", fmt.Sprintf("profile %s: in %d worlds it never happened that %s", p.name, p.seeds, name), exitUnknown)
		}
	}
}

// enough is how often a fault must have been injected before it must have made a difference. Few losses of power find a write of several sectors
// or a change of names that was not synced, and little of what is destroyed is read before the run is over.
func enough(f schedule.Fault) uint64 {
	switch f {
	case schedule.TornWrite, schedule.LostName:
		return 100 * enoughStrikes
	case schedule.BitRot, schedule.Misdirected:
		return 10 * enoughStrikes
	}
	return enoughStrikes
}

// missed are the essential probes that worlds enough have not reached.
func (p *profileTally) missed() (missed []string) {
	if p.seeds < enoughSeeds || p.simulated < enoughTime {
		return nil
	}
	var wanted []string
	switch {
	case p.name == sim.BeyondClocks:
		wanted = []string{refusal}
	case p.name == sim.Versions:
		wanted = upgraded
	case slices.Contains(thorough, p.name):
		wanted = essential
	}
	for _, name := range wanted {
		if p.probes[name] == 0 {
			missed = append(missed, name)
		}
	}
	return missed
}

func (t *tally) doubt(c *campaign, verdict, oracle, message string, code int) {
	t.failures = append(t.failures, failure{
		Seed: c.from, Verdict: verdict, Oracle: oracle, Message: message, Command: c.line(), Campaign: true, code: code,
	})
}

// line is what to type to run the campaign again.
func (c *campaign) line() string {
	line := fmt.Sprintf("go run ./cmd/chaos run --seeds %d --from %d --profile %s", c.seeds, c.from, c.profiles)
	for _, flag := range []struct {
		name  string
		given bool
		value any
	}{
		{"nodes", c.nodeCounts != "", c.nodeCounts}, {"clients", c.clients != 0, c.clients}, {"duration", c.duration != 0, c.duration},
		{"judge", c.judge != "", c.judge}, {"shard", c.stride > 1, c.shard}, {"cpu", c.cpu != 0, c.cpu}, {"time-limit", c.wall != 0, c.wall},
	} {
		if flag.given {
			line += fmt.Sprintf(" --%s %v", flag.name, flag.value)
		}
	}
	if c.twice {
		line += " --twice"
	}
	if c.stop {
		line += " --stop"
	}
	return line
}
