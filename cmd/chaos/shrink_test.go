package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/schedule"
	"lockd/sim"
)

// brittle is a world with sixty faults that breaks at once when the seventh kill comes about.
func brittle(c sim.Config) sim.Report {
	var strikes []schedule.Strike
	if c.Schedule != nil {
		strikes = c.Schedule.Faults
	} else {
		for n := range uint64(60) {
			strikes = append(strikes, schedule.Strike{Fault: schedule.Kill, Number: n + 1, At: schedule.Duration(n), Server: 1})
		}
	}
	for i, s := range strikes {
		if s.Number == 7 {
			return sim.Report{Verdict: sim.Unsafe, Oracle: sim.Durability, Message: "it is gone", Strikes: strikes[:i+1], Events: uint64(i) + 1}
		}
	}
	return sim.Report{Verdict: sim.Pass, Strikes: strikes, Simulated: c.Duration}
}

func TestShrinkFindsTheFaultThatMatters(t *testing.T) {
	folder := t.TempDir()
	s := shrinking{calls: 100, output: filepath.Join(folder, "s.json"), json: filepath.Join(folder, "figures.json"), run: brittle}
	world, err := shape{profile: "default"}.world(5)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, s.shrink(world, &out))
	require.Contains(t, out.String(), "durability fires with 1 fault instead of 7")

	file, err := os.Open(s.output)
	require.NoError(t, err)
	defer file.Close()
	smallest, err := schedule.Read(file)
	require.NoError(t, err)
	require.Equal(t, []schedule.Strike{{Fault: schedule.Kill, Number: 7, At: 6, Server: 1}}, smallest.Faults)
	require.Equal(t, "durability", smallest.Oracle)
	require.EqualValues(t, 5, smallest.Seed)

	content, err := os.ReadFile(s.json)
	require.NoError(t, err)
	var figures shrunk
	require.NoError(t, json.Unmarshal(content, &figures))
	require.Equal(t, 7, figures.Before)
	require.Equal(t, 1, figures.After)
	require.LessOrEqual(t, figures.Runs, 103)
}

// What passes can't be shrunk, and what its own record does not bring about again must not be.
func TestShrinkRefuses(t *testing.T) {
	world, err := shape{profile: "default"}.world(5)
	require.NoError(t, err)
	var out bytes.Buffer
	s := shrinking{calls: 10, output: filepath.Join(t.TempDir(), "s.json"), run: passes}
	require.Equal(t, exit(exitUnknown), s.shrink(world, &out))
	s.run = func(c sim.Config) sim.Report {
		if c.Schedule != nil {
			return sim.Report{Verdict: sim.Pass}
		}
		return brittle(c)
	}
	require.Equal(t, exit(exitNondeterministic), s.shrink(world, &out))
	require.NoFileExists(t, s.output)
}

// When a limit ends the search, that is said, with the limit to raise. The file is written all the same.
func TestShrinkTellsWhichLimitEndedIt(t *testing.T) {
	world, err := shape{profile: "default"}.world(5)
	require.NoError(t, err)
	for _, limited := range []struct {
		shrinking
		told string
	}{
		{shrinking{calls: 1}, "--calls 1 ended the search"}, {shrinking{calls: 100, cpu: time.Nanosecond}, "--cpu 1ns ended the search"},
	} {
		limited.run, limited.output = brittle, filepath.Join(t.TempDir(), "s.json")
		var out bytes.Buffer
		require.NoError(t, limited.shrink(world, &out))
		require.Contains(t, out.String(), limited.told)
		require.FileExists(t, limited.output)
	}
	var out bytes.Buffer
	enough := shrinking{calls: 100, run: brittle, output: filepath.Join(t.TempDir(), "s.json")}
	require.NoError(t, enough.shrink(world, &out))
	require.NotContains(t, out.String(), "ended the search")
}

// A run that has not failed long after the last one did is given up, and where the judge looks back at the end none is.
func TestRunsAreGivenUpInTime(t *testing.T) {
	var until uint64
	p := reenactment{wanted: sim.Report{Oracle: sim.Belief, Verdict: sim.Unsafe, Events: 1000, Simulated: 3 * time.Second}, run: func(c sim.Config) sim.Report {
		until = c.Until
		return sim.Report{Oracle: sim.Belief, Verdict: sim.Unsafe, Events: 400, Simulated: 2 * time.Second}
	}}
	s := schedule.Schedule{Duration: schedule.Duration(4 * time.Second)}
	require.True(t, p.play(s).Fails)
	require.EqualValues(t, 1500, until)
	require.Equal(t, schedule.Duration(2*time.Second), p.play(s).At)
	require.EqualValues(t, 600, until)
	s.Duration = schedule.Duration(2 * time.Second)
	p.play(s)
	require.Zero(t, until)
}

// What was found is run once more before it is written: nobody is handed a file that does not fail.
func TestShrinkRefusesWhatDoesNotFailAgain(t *testing.T) {
	world, err := shape{profile: "default"}.world(5)
	require.NoError(t, err)
	s := shrinking{calls: 100, output: filepath.Join(t.TempDir(), "s.json"), run: func(c sim.Config) sim.Report {
		if c.Schedule != nil && !c.Record && len(c.Schedule.Faults) == 1 {
			return sim.Report{Verdict: sim.Pass}
		}
		return brittle(c)
	}}
	var out bytes.Buffer
	require.Equal(t, exit(exitNondeterministic), s.shrink(world, &out))
	require.Contains(t, out.String(), "durability fired with 1 fault")
	require.NoFileExists(t, s.output)
}
