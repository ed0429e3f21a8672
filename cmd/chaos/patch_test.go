package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const sketch = `# A bug.
# oracle: assertion, durability
# run: --profile default --twice
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
	require.Equal(t, "run", m.command)
	require.Equal(t, []string{"--profile", "default", "--twice"}, m.flags)
	require.Equal(t, "one.txt", m.files[0].path)
	require.Equal(t, ".", m.home())
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

// Several names are all wanted: one that does not exist is not passed over.
func TestMutantsAreChosenByName(t *testing.T) {
	mutants, err := readMutants("../../mutants", "unsynced-vote,skipped-sync")
	require.NoError(t, err)
	require.Len(t, mutants, 2)
	_, err = readMutants("../../mutants", "unsynced-vote,skiped-sync")
	require.ErrorContains(t, err, `no patch "skiped-sync"`)
}
