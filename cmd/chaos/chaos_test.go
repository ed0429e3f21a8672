package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"lockd/sim"
)

const sketch = `# A bug.
# oracle: assertion, durability
--- a/one.txt
+++ b/one.txt
@@ -1,3 +1,3 @@
 first
-second
+zweite
 third
@@ -9 +9,2 @@
 tenth
+eleventh
`

func TestPatchIsApplied(t *testing.T) {
	m, err := parseMutant("sketch", sketch)
	require.NoError(t, err)
	require.Equal(t, []string{"A bug."}, m.why)
	require.Equal(t, []string{"assertion", "durability"}, m.oracles)
	require.Equal(t, "one.txt", m.files[0].path)
	mutated, err := m.files[0].apply("first\nsecond\nthird\n\ntenth\n")
	require.NoError(t, err)
	require.Equal(t, "first\nzweite\nthird\n\ntenth\neleventh\n", mutated)
}

// A patch whose lines are gone, or stand in two places, is not applied somewhere else.
func TestStalePatchIsRefused(t *testing.T) {
	m, err := parseMutant("sketch", sketch)
	require.NoError(t, err)
	for _, content := range []string{"first\n2nd\nthird\ntenth\n", "first\nsecond\nthird\ntenth\nfirst\nsecond\nthird\n"} {
		_, err := m.files[0].apply(content)
		require.ErrorContains(t, err, "out of date")
	}
}

func TestPatchSaysWhy(t *testing.T) {
	for _, text := range []string{"", "# only words\n", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "# why\nwhat is this\n",
		"# why\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"} {
		_, err := parseMutant("bad", text)
		require.Error(t, err, "%q", text)
	}
}

// Every patch of the project still finds its place, and names the judges that it expects.
func TestMutantsApply(t *testing.T) {
	mutants, err := readMutants("../../mutants", "")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(mutants), 6)
	for _, m := range mutants {
		for _, file := range m.files {
			content, err := os.ReadFile(filepath.Join("../..", file.path))
			require.NoError(t, err)
			mutated, err := file.apply(string(content))
			require.NoError(t, err, m.name)
			require.NotEqual(t, string(content), mutated)
		}
	}
}

// A mutant is caught by the judges that its patch names. Another one has found something else.
func TestOnlyTheNamedJudgesCatch(t *testing.T) {
	m := mutant{name: "sketch", oracles: []string{"assertion", "durability"}}
	found := func(failed string) catch {
		result := filepath.Join(t.TempDir(), "result.json")
		require.NoError(t, os.WriteFile(result, []byte(`{"seeds": 7, "cpu_seconds": 1.5, "failed": [`+failed+`]}`), 0o600))
		c, err := m.verdict(result)
		require.NoError(t, err)
		require.EqualValues(t, 7, c.seeds)
		return c
	}
	require.False(t, found("").caught)
	require.True(t, found(`{"oracle": "durability"}`).caught)
	stranger := found(`{"oracle": "harness"}`)
	require.False(t, stranger.caught)
	require.Equal(t, "(harness, expected assertion or durability)", stranger.stranger())
}

func TestRunAndReplay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary.json")
	require.Equal(t, exitPass, execute([]string{"run", "--seeds", "3", "--duration", "2s", "--nodes", "3", "--twice", "--json", file}))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var summary map[string]any
	require.NoError(t, json.Unmarshal(content, &summary))
	require.EqualValues(t, 3, summary["seeds"])
	require.EqualValues(t, 3, summary["passed"])
	require.Equal(t, exitPass, execute([]string{"replay", "--seed", "2", "--duration", "2s", "--nodes", "3"}))
}

func TestWrongCallsAreUsageErrors(t *testing.T) {
	for _, arguments := range [][]string{
		{"run", "--nodes", "0"}, {"run", "--clients", "1001"}, {"run", "--duration", "2h"}, {"run", "--seeds", "0"}, {"run", "extra"},
		{"run", "--no-such-flag"}, {"replay"}, {"replay", "--seed", "x"}, {"no-such-command"}, {"mutants", "--dir", t.TempDir()},
	} {
		require.Equal(t, exitUsage, execute(arguments), "%v", arguments)
	}
}

// The worst of what happened decides; a fault that was never seen, and no run at all, is no pass.
func TestExitCodes(t *testing.T) {
	code := func(outcomes ...outcome) int {
		s := newSummary(&campaign{})
		for _, o := range outcomes {
			s.add(o)
		}
		return s.code()
	}
	ended := func(v sim.Verdict) outcome { return outcome{Report: sim.Report{Verdict: v}} }
	require.Equal(t, exitPass, code(ended(sim.Pass)))
	require.Equal(t, exitUnknown, code())
	require.Equal(t, exitUnknown, code(ended(sim.Pass), ended(sim.Vacuous)))
	require.Equal(t, exitHarness, code(ended(sim.Vacuous), ended(sim.Broken)))
	require.Equal(t, exitStuck, code(ended(sim.Broken), ended(sim.Stuck)))
	require.Equal(t, exitNondeterministic, code(ended(sim.Stuck), outcome{Report: sim.Report{Verdict: sim.Pass}, differs: true}))
	require.Equal(t, exitUnsafe, code(outcome{Report: sim.Report{Verdict: sim.Pass}, differs: true}, ended(sim.Unsafe)))
	many := make([]outcome, enoughSeeds)
	for i := range many {
		many[i] = ended(sim.Pass)
	}
	require.Equal(t, exitUnknown, code(many...), "no fault was ever seen")
}
