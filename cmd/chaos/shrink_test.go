package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/schedule"
	"lockd/sim"
)

// brittle is a world with sixty faults that breaks when the seventh kill comes about.
func brittle(c sim.Config) sim.Report {
	var strikes []schedule.Strike
	if c.Schedule != nil {
		strikes = c.Schedule.Faults
	} else {
		for n := range uint64(60) {
			strikes = append(strikes, schedule.Strike{Fault: schedule.Kill, Number: n + 1, At: schedule.Duration(n), Server: 1})
		}
	}
	for _, s := range strikes {
		if s.Number == 7 {
			return sim.Report{Verdict: sim.Unsafe, Oracle: sim.Durability, Message: "it is gone", Strikes: strikes}
		}
	}
	return sim.Report{Verdict: sim.Pass, Strikes: strikes}
}

func TestShrinkFindsTheFaultThatMatters(t *testing.T) {
	folder := t.TempDir()
	s := shrinking{calls: 100, output: filepath.Join(folder, "s.json"), json: filepath.Join(folder, "figures.json"), run: brittle}
	world, err := shape{profile: "default"}.world(5)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, s.shrink(world, &out))
	require.Contains(t, out.String(), "durability fires with 1 faults instead of 60")

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
	require.Equal(t, 60, figures.Before)
	require.Equal(t, 1, figures.After)
	require.LessOrEqual(t, figures.Runs, 102)
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
