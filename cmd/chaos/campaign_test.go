package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/schedule"
	"lockd/sim"
)

// fake is a campaign whose worlds end as a function says.
func fake(t *testing.T, i itinerary, run func(sim.Config) sim.Report) *campaign {
	return &campaign{itinerary: *planned(t, i), jobs: 2, run: run, calibrate: func() error { return nil }}
}

func passes(sim.Config) sim.Report {
	return sim.Report{Verdict: sim.Pass, Hash: 1, Simulated: time.Second}
}

// results runs a campaign, and returns its exit code and its JSON.
func results(t *testing.T, c *campaign) (int, summary) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "summary.json")
	err := c.campaign(resultFiles{json: file})
	content, readError := os.ReadFile(file)
	require.NoError(t, readError)
	var s summary
	require.NoError(t, json.Unmarshal(content, &s))
	if err == nil {
		require.Equal(t, exitPass, s.Code)
		return exitPass, s
	}
	var code exit
	require.ErrorAs(t, err, &code)
	require.Equal(t, int(code), s.Code)
	return int(code), s
}

// The worst of what happened decides.
func TestExitCodes(t *testing.T) {
	ended := func(verdicts ...sim.Verdict) int {
		t.Helper()
		c := fake(t, itinerary{seeds: uint64(len(verdicts))}, func(c sim.Config) sim.Report { return sim.Report{Verdict: verdicts[c.Seed]} })
		code, s := results(t, c)
		require.EqualValues(t, len(verdicts), s.Seeds)
		return code
	}
	require.Equal(t, exitPass, ended(sim.Pass, sim.Pass))
	require.Equal(t, exitUnknown, ended(sim.Pass, sim.Vacuous))
	require.Equal(t, exitUnknown, ended(sim.Pass, sim.Unknown))
	require.Equal(t, exitHarness, ended(sim.Vacuous, sim.Broken))
	require.Equal(t, exitStuck, ended(sim.Broken, sim.Stuck, sim.Pass))
	require.Equal(t, exitUnsafe, ended(sim.Stuck, sim.Unsafe, sim.Broken, sim.Unknown))
}

// A failure says what to type: the same world, whatever the campaign's lists were.
func TestFailureTellsHowToSeeItAgain(t *testing.T) {
	c := fake(t, itinerary{profiles: "swarm,calm", nodeCounts: "5,3", seeds: 4, from: 16}, func(c sim.Config) sim.Report {
		if c.Seed == 18 {
			return sim.Report{Verdict: sim.Unsafe, Oracle: sim.Belief, Message: "two believe"}
		}
		return passes(c)
	})
	code, s := results(t, c)
	require.Equal(t, exitUnsafe, code)
	require.EqualValues(t, 3, s.Passed)
	require.Equal(t, []failure{{
		Seed: 18, Verdict: "unsafe", Oracle: "belief", Message: "two believe", Profile: "swarm",
		Command: "go run ./cmd/chaos replay --seed 18 --profile swarm --nodes 3 --clients 8 --duration 1m0s --trace",
		World:   "--seed 18 --profile swarm --nodes 3 --clients 8 --duration 1m0s",
	}}, s.Failed)
}

// One seed in twenty is run twice, and all with --twice; one that gives two runs fails.
func TestSeedsThatDifferFail(t *testing.T) {
	var runs atomic.Uint64
	moody := func(c sim.Config) sim.Report {
		return sim.Report{Verdict: sim.Pass, Hash: runs.Add(1), Simulated: time.Second}
	}
	code, s := results(t, fake(t, itinerary{seeds: 40}, moody))
	require.Equal(t, exitNondeterministic, code)
	require.EqualValues(t, 2, s.Twice)
	require.EqualValues(t, 42, runs.Load())
	require.EqualValues(t, 42, s.Sim)
	require.Len(t, s.Failed, 2)
	require.Equal(t, "nondeterminism", s.Failed[0].Oracle)
	require.Contains(t, s.Failed[0].Command, "run --seeds 1 --from")

	for _, jobs := range []int{1, 2} {
		c := fake(t, itinerary{seeds: 5, from: 1}, passes)
		c.twice, c.jobs = true, jobs
		code, s = results(t, c)
		require.Equal(t, exitPass, code)
		require.EqualValues(t, 5, s.Twice)
	}
}

// A fault that is put in again and again and never makes a difference is wired to nothing: what passed proves nothing about it.
func TestFaultThatIsNeverSeenFails(t *testing.T) {
	wired := func(injected, observed uint64) func(sim.Config) sim.Report {
		return func(c sim.Config) sim.Report {
			r := passes(c)
			r.Faults[schedule.Split] = sim.Count{Injected: injected, Observed: observed}
			return r
		}
	}
	code, s := results(t, fake(t, itinerary{profiles: "default,calm", seeds: 2 * enoughSeeds}, wired(1, 0)))
	require.Equal(t, exitUnknown, code)
	require.Len(t, s.Failed, 2, "each profile for itself")
	require.Equal(t, "not-vacuous", s.Failed[0].Oracle)
	require.Contains(t, s.Failed[0].Message, "split was injected 50 times")
	require.True(t, s.Failed[0].Campaign)
	require.Equal(t, "go run ./cmd/chaos run --seeds 100 --from 0 --profile default,calm", s.Failed[0].Command)
	require.Equal(t, count{100, 0}, s.Faults["split"])

	code, _ = results(t, fake(t, itinerary{seeds: enoughSeeds - 1}, wired(1, 0)))
	require.Equal(t, exitPass, code, "too few worlds to say so")
	code, _ = results(t, fake(t, itinerary{seeds: enoughSeeds}, wired(1, 1)))
	require.Equal(t, exitPass, code)
}

// Worlds in which no lock ever goes from one client to another say nothing about a lock service, whatever else happens in them.
func TestWhatIsEssentialMustHappen(t *testing.T) {
	long := func(missing string) func(sim.Config) sim.Report {
		return func(c sim.Config) sim.Report {
			r := sim.Report{Verdict: sim.Pass, Simulated: time.Minute}
			for _, name := range essential {
				if name != missing {
					r.Probes = append(r.Probes, sim.Probe{Name: name, Hits: 1})
				}
			}
			return r
		}
	}
	const missing = "a lock passes from one client to another"
	code, _ := results(t, fake(t, itinerary{seeds: enoughSeeds}, long("")))
	require.Equal(t, exitPass, code)
	code, s := results(t, fake(t, itinerary{seeds: enoughSeeds}, long(missing)))
	require.Equal(t, exitUnknown, code)
	require.Equal(t, "profile default: in 50 worlds it never happened that a lock passes from one client to another", s.Failed[0].Message)
	code, _ = results(t, fake(t, itinerary{seeds: enoughSeeds, profiles: "calm"}, long(missing)))
	require.Equal(t, exitPass, code, "a calm world need not reach it")
	code, s = results(t, fake(t, itinerary{seeds: enoughSeeds, profiles: "versions"}, long("")))
	require.Equal(t, exitUnknown, code)
	require.Equal(t, "profile versions: in 50 worlds it never happened that members run programs of different versions", s.Failed[0].Message)

	known := sim.Run(sim.Config{Seed: 1, Members: 1, Clients: 1, Duration: time.Second}).Probes
	for _, name := range append(slices.Clone(essential), upgraded...) {
		require.True(t, slices.ContainsFunc(known, func(p sim.Probe) bool { return p.Name == name }), "no probe is called %q", name)
	}
}

// Judges that let a broken history pass judge nobody.
func TestBrokenJudgesEndACampaign(t *testing.T) {
	c := fake(t, itinerary{seeds: 5}, passes)
	c.calibrate = func() error { return errors.New("a double grant passes") }
	code, s := results(t, c)
	require.Equal(t, exitHarness, code)
	require.Zero(t, s.Seeds)
	require.Len(t, s.Failed, 1)
	require.Equal(t, "calibration", s.Failed[0].Oracle)
	require.Equal(t, "a double grant passes", s.Failed[0].Message)
}

// No world at all is no pass.
func TestNothingRunIsUnknown(t *testing.T) {
	c := fake(t, itinerary{seeds: 5}, passes)
	c.cpu = time.Nanosecond
	code, s := results(t, c)
	require.Equal(t, exitUnknown, code)
	require.Zero(t, s.Seeds)
}

func TestLimitsEndACampaign(t *testing.T) {
	began := time.Now()
	c := fake(t, itinerary{seeds: 1 << 40}, passes)
	c.wall = 20 * time.Millisecond
	_, s := results(t, c)
	require.Positive(t, s.Seeds)
	require.Less(t, time.Since(began), 5*time.Second)

	c = fake(t, itinerary{seeds: 1 << 40}, func(c sim.Config) sim.Report {
		if c.Seed == 9 {
			return sim.Report{Verdict: sim.Stuck}
		}
		return passes(c)
	})
	c.stop = true
	code, s := results(t, c)
	require.Equal(t, exitStuck, code)
	require.Len(t, s.Failed, 1)
}

// Shares are of one run of each seed, and what never happened is named.
func TestSummary(t *testing.T) {
	r := passes(sim.Config{})
	r.Grants, r.Releases, r.Contended = 30, 20, 15
	r.Faults[schedule.Loss] = sim.Count{Injected: 5, Observed: 4}
	r.Probes = []sim.Probe{{Name: "a snapshot is sent", Hits: 3}, {Name: "a vote is split", Hits: 0}}
	total := newTally()
	total.add(outcome{world: sim.Config{Profile: "default"}, report: r, twice: true})
	total.add(outcome{world: sim.Config{Profile: "calm"}, report: r})
	var out bytes.Buffer
	result{tally: total, campaign: fake(t, itinerary{seeds: 2}, passes), cpu: 10 * time.Millisecond}.print(&out)
	text := out.String()
	require.Contains(t, text, "2 seeds: 2 passed, 0 unsafe, 0 stuck")
	require.Contains(t, text, "3 simulated seconds, 0.0 CPU seconds: 300 simulated seconds per CPU second")
	require.Contains(t, text, "30.0 grants and 20.0 releases a simulated second, 50 % of the grants contended")
	require.Regexp(t, `loss +10 +8`, text)
	require.Regexp(t, `never injected: .*split, one-way`, text)
	require.Regexp(t, `a snapshot is sent +6`, text)
	require.Contains(t, text, "never reached: a vote is split")
	require.Regexp(t, `calm +1 +1 +4`, text)
}

// Dashboards see a case for each profile and one for each failure; what is not known is an error, and no failure.
func TestJUnit(t *testing.T) {
	c := fake(t, itinerary{profiles: "default,calm", seeds: 6}, passes)
	total := newTally()
	for n := range c.count() {
		o := outcome{world: c.worldOf(n), report: passes(sim.Config{})}
		if n == 2 {
			o.report = sim.Report{Verdict: sim.Unsafe, Oracle: sim.Belief, Message: `"a" < b`}
		}
		if n == 3 {
			o.report = sim.Report{Verdict: sim.Unknown, Oracle: sim.Exercise}
		}
		total.add(o)
	}
	var content bytes.Buffer
	require.NoError(t, result{tally: total, campaign: c, wall: time.Second}.writeJUnit(&content))
	var s suite
	require.NoError(t, xml.Unmarshal(content.Bytes(), &s))
	require.Equal(t, []int{4, 1, 1}, []int{s.Tests, s.Failures, s.Errors})
	require.Equal(t, "2 of 3 seeds from 0 to 4 passed", s.Cases[0].Name)
	require.Equal(t, "chaos.default", s.Cases[2].Class)
	require.Equal(t, "seed 2", s.Cases[2].Name)
	require.Equal(t, `"a" < b`, s.Cases[2].Failure.Message)
	require.Contains(t, s.Cases[2].Failure.Text, "replay --seed 2")
	require.NotNil(t, s.Cases[3].Error)
}

// What is told to be typed runs the same worlds, with all that was said about them.
func TestLineRunsTheSameCampaign(t *testing.T) {
	c := fake(t, itinerary{seeds: 7, from: 3}, passes)
	require.Equal(t, "go run ./cmd/chaos run --seeds 7 --from 3 --profile default", c.line())
	c = fake(t, itinerary{seeds: 7, from: 3, nodeCounts: "3,5", shard: "2/4", shape: shape{clients: 2, duration: time.Minute, judge: "belief"}}, passes)
	c.cpu, c.wall, c.twice, c.stop = time.Second, time.Hour, true, true
	require.Equal(t, "go run ./cmd/chaos run --seeds 7 --from 3 --profile default --nodes 3,5 --clients 2 --duration 1m0s --judge belief --shard 2/4 "+
		"--cpu 1s --time-limit 1h0m0s --twice --stop", c.line())
	differs := newTally()
	differs.add(outcome{world: c.worldOf(3), report: passes(sim.Config{}), twice: true, differs: true})
	require.Contains(t, differs.failures[0].Command, "run --seeds 1 --from 3 --twice --jobs 1 --profile default --nodes 5 --clients 2 --duration 1m0s --judge belief")
}

func TestOneIsNotMany(t *testing.T) {
	require.Equal(t, "0 seeds", counted(0, "seed"))
	require.Equal(t, "1 seed", counted(uint64(1), "seed"))
	require.Equal(t, "2 seeds", counted(2, "seed"))
	total := newTally()
	total.add(outcome{report: passes(sim.Config{})})
	var out bytes.Buffer
	result{tally: total, campaign: fake(t, itinerary{seeds: 1}, passes)}.print(&out)
	require.Contains(t, out.String(), "1 seed: 1 passed")
}

// The time left is the pace's, or a limit's, whichever comes first.
func TestProgress(t *testing.T) {
	c := fake(t, itinerary{seeds: 100}, passes)
	total := newTally()
	for range 10 {
		r := passes(sim.Config{})
		r.Events, r.Simulated, r.Faults[schedule.Loss].Observed = 1000, 6*time.Minute, 2
		total.add(outcome{report: r})
	}
	p := newProgress(c)
	require.Equal(t, "10 of 100 seeds, 0 failed, 1.0 simulated hours, 1000 events/s, 20 faults observed, 1m30s left", p.sentence(total, 10*time.Second, 0))
	c.cpu = 40 * time.Second
	require.Equal(t, 10*time.Second, p.left(10, 10*time.Second, 20*time.Second))
	c.wall = 15 * time.Second
	require.Equal(t, 5*time.Second, p.left(10, 10*time.Second, 20*time.Second))
	require.Zero(t, p.left(10, 20*time.Second, 20*time.Second))
}
