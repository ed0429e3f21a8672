package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/explore"
)

func TestExplore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "explored.json")
	require.Equal(t, exitPass, execute([]string{"explore", "--nodes", "2", "--terms", "2", "--crashes", "1", "--json", file}))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var e explored
	require.NoError(t, json.Unmarshal(content, &e))
	require.True(t, e.Exhausted)
	require.Greater(t, e.States, 1000)
	require.Empty(t, e.Failed)

	require.Equal(t, exitPass, execute([]string{"explore", "--depth", "4"}), "as deep as it was told to look")
	require.Equal(t, exitUnknown, execute([]string{"explore", "--time-limit", "1ns"}), "what was not looked at may be unsafe")
}

// What the explorer finds can be read by who hunts mutants, and found again by the command that it tells.
func TestExplorationThatFails(t *testing.T) {
	found := explore.Report{States: 5, Depth: 2, Unfinished: true, Violation: &explore.Violation{Invariant: explore.Durability, Message: "gone"}}
	require.Equal(t, exitUnsafe, explorationCode(found))
	require.Equal(t, "durability: gone, after 3 actions", conclusion(found))
	x := expedition{bounds: explore.Bounds{Nodes: 3, Depth: 9, Terms: 2}}
	content, err := json.Marshal(explored{Failed: x.failures(found), CPU: 1.5})
	require.NoError(t, err)
	c, err := suspect.judge(content)
	require.NoError(t, err)
	require.True(t, c.caught)
	require.Equal(t, "gone", c.how)
	require.Empty(t, c.world, "there is no schedule to be shrunk")
	require.Contains(t, x.failures(found)[0].Command, "--depth 9 --terms 2")
}

// A patch may ask to be looked for by the explorer.
func TestPatchThatIsExplored(t *testing.T) {
	m, err := parseMutant("sketch", "# A bug.\n# oracle: durability\n# explore: --terms 2\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
	require.NoError(t, err)
	require.Equal(t, "explore", m.command)
	require.Equal(t, []string{"--terms", "2"}, m.flags)
	require.Equal(t, []string{"A bug."}, m.why)
}
