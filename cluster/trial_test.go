package cluster

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/linearizability"
	"lockd/schedule"
)

// TestMain lets the test's own program be a crew.
func TestMain(m *testing.M) {
	if os.Getenv(crewMark) != "" {
		if err := RunCrew(context.Background(), os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// TestATrialOnRealProcesses kills, stops and cuts for a few seconds. Nothing that a client was told may be wrong, and everybody is served
// in the end.
func TestATrialOnRealProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	s := schedule.Schedule{Seed: 1, Profile: Profile, Nodes: 3, Clients: 8, Duration: schedule.Duration(5 * time.Second), Faults: []schedule.Strike{
		{Fault: schedule.Kill, Number: 1, At: schedule.Duration(500 * time.Millisecond), Lasts: schedule.Duration(200 * time.Millisecond)},
		{Fault: schedule.ClientPause, Number: 1, At: schedule.Duration(time.Second), Lasts: schedule.Duration(time.Second), Client: 2},
		{Fault: schedule.Split, Number: 1, At: schedule.Duration(2 * time.Second), Lasts: schedule.Duration(time.Second),
			Cut: []string{"s1>s2", "s2>s1", "s1>s3", "s3>s1", "c3>s1", "s1>c3"}},
		{Fault: schedule.ClientCrash, Number: 1, At: schedule.Duration(2500 * time.Millisecond), Lasts: schedule.Duration(500 * time.Millisecond), Client: 4},
		{Fault: schedule.ClientReset, Number: 1, Place: "c1", At: schedule.Duration(3500 * time.Millisecond)},
		{Fault: schedule.Drift, Number: 1, At: schedule.Duration(time.Second)},
	}}
	require.NoError(t, s.Check())
	report, err := torment(t, s, false)
	require.NoError(t, err)
	require.Empty(t, report.Violations)
	require.Equal(t, linearizability.Pass, report.Judged.Result)
	require.Empty(t, report.Unserved)
	require.Equal(t, "drift (1)", report.Beyond)
	require.Greater(t, report.Grants, 20)
	require.NotZero(t, report.Contended)
	for _, f := range []schedule.Fault{schedule.Kill, schedule.ClientPause, schedule.Split, schedule.ClientCrash, schedule.ClientReset} {
		require.Equal(t, Count{1, 1}, report.Faults[f], "%v", f)
	}
}

func torment(t *testing.T, s schedule.Schedule, unguarded bool) (Report, error) {
	folder := t.TempDir()
	binary, err := Build(t.Context(), folder)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	self, err = filepath.Abs(self)
	require.NoError(t, err)
	return Torment(t.Context(), Trial{Schedule: s, Binary: binary, Folder: folder, Crew: []string{self}, Unguarded: unguarded})
}
