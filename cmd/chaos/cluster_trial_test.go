package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/cluster"
	"lockd/linearizability"
	"lockd/schedule"
)

func TestATrialEndsWithWhatIsWorst(t *testing.T) {
	pass := cluster.Report{Grants: 1, Judged: linearizability.Verdict{Result: linearizability.Pass}}
	pass.Faults[schedule.Kill].Injected = 1
	violation := []cluster.Violation{{Oracle: "lost-update", Message: "a write is gone"}}
	for name, c := range map[string]struct {
		spoil func(*cluster.Report)
		code  int
	}{
		"all is well":                {func(*cluster.Report) {}, exitPass},
		"safety before all":          {func(r *cluster.Report) { r.Violations, r.Unserved = violation, []int{3} }, exitUnsafe},
		"a client was not served":    {func(r *cluster.Report) { r.Unserved, r.Grants = []int{3}, 0 }, exitStuck},
		"the judge had not enough":   {func(r *cluster.Report) { r.Judged.Result = linearizability.Undecided }, exitUnknown},
		"a fault was never seen":     {func(r *cluster.Report) { r.Unseen = []schedule.Fault{schedule.Ring} }, exitUnknown},
		"nothing went wrong":         {func(r *cluster.Report) { r.Faults = [schedule.Faults]cluster.Count{} }, exitUnknown},
		"nothing was granted at all": {func(r *cluster.Report) { r.Grants = 0 }, exitUnknown},
	} {
		report := pass
		c.spoil(&report)
		require.Equal(t, c.code, reportCode(report), name)
	}
}

func TestATrialThatFailsSaysWhy(t *testing.T) {
	var out bytes.Buffer
	printReport(&out, schedule.Schedule{Seed: 7, Nodes: 5, Clients: 50}, cluster.Report{
		Violations: []cluster.Violation{{Oracle: "lost-update", Message: "a write is gone"}}, Unserved: []int{3, 9},
		Unseen: []schedule.Fault{schedule.Ring}, Beyond: "drift (2)", Healed: 30 * time.Second,
	})
	for _, sentence := range []string{"VIOLATION: lost-update: a write is gone", "NOT SERVED: clients 3 9, 30s after", "ring was never seen", "drift (2)", "nothing was granted"} {
		require.Contains(t, out.String(), sentence)
	}
}

// A trial's schedule is for real processes. Who gives it to the simulator is told what to type instead.
func TestATrialIsNotReplayed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trial.json")
	require.NoError(t, writeSchedule(file, cluster.Draw(1, 5, 10, time.Minute)))
	_, err := fileWorld(file)
	require.ErrorContains(t, err, "chaos cluster --schedule "+file)
	require.Equal(t, exitUsage, execute([]string{"replay", file}))
	require.Equal(t, exitUsage, execute([]string{"shrink", file, "--output", file + ".small"}))
	follows := torment{follow: file, trials: &trials{}}
	s, err := follows.schedule(nil)
	require.NoError(t, err, "--schedule takes it")
	require.Equal(t, cluster.Profile, s.Profile)
}

// What is wrong with the command line is said before any process is started.
func TestATrialIsCalledRightly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "four.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"seed":1,"profile":"cluster","nodes":4,"clients":1,"duration":"1s","faults":[]}`), 0o600))
	for _, arguments := range [][]string{
		{"cluster", "--nodes", "4"}, {"cluster", "--clients", "0"}, {"cluster", "--duration", "-1s"}, {"cluster", "--schedule", file},
		{"cluster", "--schedule", file + ".none"}, {"cluster", "nonsense"},
	} {
		require.Equal(t, exitUsage, execute(arguments), "%v", arguments)
	}
}
