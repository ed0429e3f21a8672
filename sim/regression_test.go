package sim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/schedule"
)

// Each file in testdata is a schedule with which a bug was found once, shrunken, and named after the bug. It must pass, and what it
// says must go wrong: a schedule whose faults do not come about any more, because the world has changed, guards nothing. Then the bug
// has to be put in again (mutants/), and a new schedule be found with chaos shrink.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".json"), func(t *testing.T) {
			file, err := os.Open(name)
			require.NoError(t, err)
			defer file.Close()
			s, err := schedule.Read(file)
			require.NoError(t, err)
			require.NotEmpty(t, s.Oracle, "it says which judge fired")
			report := Run(Config{
				Seed: s.Seed, Profile: s.Profile, Members: s.Nodes, Clients: s.Clients, Duration: time.Duration(s.Duration), Schedule: &s,
			})
			require.Equal(t, Pass, report.Verdict, "%s: %s", report.Oracle, report.Message)
			for _, strike := range s.Faults {
				require.NotZero(t, report.Faults[strike.Fault].Injected, "no %v came about", strike.Fault)
			}
		})
	}
}
