package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"lockd/schedule"
	"lockd/sim"
)

// tally adds up what a campaign has seen.
type tally struct {
	seeds, passed uint64
	verdicts      [sim.Broken + 1]uint64
	differing     uint64
	again         uint64 // seeds that were run twice
	failures      []failure

	simulated                                       time.Duration
	events, operations, grants, releases, contended uint64
	faults                                          faultCounts
	probes                                          map[string]uint64
	hash                                            uint64 // of all runs together, whatever their order
	profiles                                        []*profileTally
}

type faultCounts [schedule.Faults]sim.Count

// profileTally is what the worlds of one profile have seen.
type profileTally struct {
	name          string
	first, last   uint64
	seeds, passed uint64
	faults        faultCounts
	probes        map[string]uint64
	simulated     time.Duration // second runs not included
}

// failure is a seed that did not pass, or something that the campaign as a whole has shown. Its names are part of the JSON that
// scripts read.
type failure struct {
	Seed     uint64 `json:"seed"`
	Verdict  string `json:"verdict"`
	Oracle   string `json:"oracle"`
	Message  string `json:"message"`
	Command  string `json:"command"`
	Profile  string `json:"profile,omitempty"`
	World    string `json:"world,omitempty"`    // the flags that name the world
	Campaign bool   `json:"campaign,omitempty"` // not of this seed alone, but of all that began with it

	code int
}

func newTally() *tally { return &tally{probes: map[string]uint64{}} }

func (t *tally) add(o outcome) {
	r := o.report
	t.seeds++
	t.verdicts[r.Verdict]++
	t.simulated += r.Simulated
	if o.twice {
		t.again++
		t.simulated += r.Simulated
	}
	t.events += r.Events
	t.operations += r.Operations
	t.grants += r.Grants
	t.releases += r.Releases
	t.contended += r.Contended
	t.hash += r.Hash
	p := t.profile(o.world)
	p.simulated += r.Simulated
	for _, probe := range r.Probes {
		t.probes[probe.Name] += probe.Hits
		p.probes[probe.Name] += probe.Hits
	}
	t.faults.add(r.Faults)
	p.faults.add(r.Faults)
	if o.failed() {
		t.fail(o)
	} else {
		t.passed++
		p.passed++
	}
}

func (f *faultCounts) add(more [schedule.Faults]sim.Count) {
	for i, count := range more {
		f[i].Injected += count.Injected
		f[i].Observed += count.Observed
	}
}

func (f *faultCounts) observed() (sum uint64) {
	for _, count := range f {
		sum += count.Observed
	}
	return sum
}

// profile counts the world for its profile.
func (t *tally) profile(world sim.Config) *profileTally {
	i := slices.IndexFunc(t.profiles, func(p *profileTally) bool { return p.name == world.Profile })
	if i < 0 {
		t.profiles = append(t.profiles, &profileTally{name: world.Profile, first: world.Seed, last: world.Seed, probes: map[string]uint64{}})
		i = len(t.profiles) - 1
	}
	p := t.profiles[i]
	p.seeds++
	p.first, p.last = min(p.first, world.Seed), max(p.last, world.Seed)
	return p
}

func (t *tally) fail(o outcome) {
	f := failure{
		Seed: o.world.Seed, Verdict: o.report.Verdict.String(), Oracle: string(o.report.Oracle), Message: o.report.Message,
		Command: replayLine(o.world), Profile: o.world.Profile, World: worldFlags(o.world), code: verdictCode(o.report.Verdict),
	}
	if o.differs && f.code != exitUnsafe {
		f.Verdict, f.Oracle, f.Message, f.code = "nondeterministic", "nondeterminism", "two runs of the seed differ", exitNondeterministic
		f.Command = fmt.Sprintf("go run ./cmd/chaos run --seeds 1 --from %d --twice --jobs 1 %s", o.world.Seed, shapeFlags(o.world))
	}
	if o.differs {
		t.differing++
	}
	t.failures = append(t.failures, f)
}

// code is the exit code: of what went wrong, the worst.
func (t *tally) code() int {
	for _, code := range worst {
		if slices.ContainsFunc(t.failures, func(f failure) bool { return f.code == code }) {
			return code
		}
	}
	return exitPass
}

// probe is a probe's name and how often all worlds together have reached it.
type probe struct {
	name string
	hits uint64
}

// probesByName lists the probes.
func (t *tally) probesByName() []probe {
	var probes []probe
	for name, hits := range t.probes {
		probes = append(probes, probe{name, hits})
	}
	slices.SortFunc(probes, func(a, b probe) int { return cmp.Compare(a.name, b.name) })
	return probes
}
