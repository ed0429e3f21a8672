package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"lockd/schedule"
)

func TestRunAndReplay(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "schedule.json")
	small := []string{"--duration", "2s", "--nodes", "3"}
	require.Equal(t, exitPass, execute(append([]string{"run", "--seeds", "3", "--twice", "--junit", filepath.Join(folder, "junit.xml")}, small...)))
	require.Equal(t, exitPass, execute(append([]string{"replay", "--seed", "2", "--record", file}, small...)))
	require.Equal(t, exitPass, execute([]string{"replay", file, "--trace", "--until", "500"}))
	require.Equal(t, exitPass, execute([]string{"replay", file, "--history", filepath.Join(folder, "history")}))
	require.Equal(t, exitPass, execute([]string{"check", filepath.Join(folder, "history")}))
	require.Equal(t, exitUnknown, execute([]string{"shrink", file, "--output", filepath.Join(folder, "smaller.json")}), "a world that passes")
	require.Equal(t, exitPass, execute([]string{"profiles"}))
}

func TestWrongCallsAreUsageErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "schedule.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"seed":1,"profile":"none","nodes":3,"clients":2,"duration":"1s","faults":[]}`), 0o600))
	for _, line := range []string{
		"run --nodes 0", "run --nodes 3,x", "run --nodes 10", "run --clients 1001", "run --duration 2h", "run --seeds 0", "run extra", "run --no-such-flag",
		"run --profile none", "run --profile default,", "run --jobs 0", "run --cpu -1s", "run --shard 0/2", "run --shard 3/2", "run --shard 2", "run --seeds -1",
		"replay", "replay --seed x", "replay --seed 1 extra", "replay " + file, "replay " + file + " --seed 1", "replay " + file + " --nodes 3",
		"replay no-such-file", "shrink --seed 1", "shrink --seed 1 -o x --calls 0", "shrink -o x", "no-such-command", "profiles extra",
		"explore extra", "explore --nodes 6", "explore --depth 0", "explore --terms 0", "explore --late -1", "explore --changes -1", "explore --time-limit 0s",
		"mutants --dir " + t.TempDir(), "mutants --bases 0", "mutants --dir ../../mutants --pace no-such-file", "mutants --pace ../../docs/mutants.md --bases 2",
	} {
		require.Equal(t, exitUsage, execute(strings.Fields(line)), line)
	}
}

// The manual has every command, flag and field of the JSON. What cluster takes it leaves to that command's help.
func TestManualIsComplete(t *testing.T) {
	manual, err := os.ReadFile("../../docs/chaos.md")
	require.NoError(t, err)
	for _, command := range rootCommand().Commands() {
		require.Contains(t, string(manual), "## chaos "+command.Name())
		if command.Name() == "cluster" {
			continue
		}
		command.LocalFlags().VisitAll(func(f *pflag.Flag) { require.Contains(t, string(manual), "--"+f.Name, command.Name()) })
	}
	for _, object := range []any{summary{}, failure{}, shrunk{}, schedule.Schedule{}, schedule.Strike{}, explored{}} {
		for i := range reflect.TypeOf(object).NumField() {
			if name, _, _ := strings.Cut(reflect.TypeOf(object).Field(i).Tag.Get("json"), ","); name != "" {
				require.Contains(t, string(manual), "`"+name+"`")
			}
		}
	}
}

// A schedule says whether its judge still fires.
func TestReplayNamesTheJudge(t *testing.T) {
	require.Equal(t, "belief fires again", again("belief", "belief"))
	require.Equal(t, "belief does not fire any more", again("belief", ""))
	require.Equal(t, "belief does not fire: durability does", again("belief", "durability"))
}
