package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The published table is read back as it was written, and only what was hunted changes.
func TestTableIsPublished(t *testing.T) {
	x := matrix{markdown: filepath.Join(t.TempDir(), "mutants.md")}
	other := suspect
	other.name, other.files = "other", []fileChange{{path: "client/session/lease.go"}}
	require.NoError(t, x.publish([]prey{
		{mutant: suspect, catches: []catch{{caught: true, oracle: "durability", seeds: 12, cpu: 4.25}}, shrunk: &shrunk{Before: 120, After: 3}},
		{mutant: other, catches: []catch{{seeds: 99, cpu: 60}}},
	}))
	published, err := readTable(x.markdown)
	require.NoError(t, err)
	require.Equal(t, table{
		"sketch": {name: "sketch", home: "raft", bug: "A or bug.", judge: "durability", seeds: 12, cpu: 4.25, faults: "3 of 120"},
		"other":  {name: "other", home: "client/session", bug: "A or bug.", judge: "NOT CAUGHT", seeds: 99, cpu: 0, faults: "-"},
	}, published)
	content, err := os.ReadFile(x.markdown)
	require.NoError(t, err)
	require.Regexp(t, `(?s)\| other \|.*\| sketch \|`, string(content), "package by package")

	x.only = "other"
	require.NoError(t, x.publish([]prey{{mutant: other, catches: []catch{{caught: true, oracle: "assertion", cpu: 30}}}}))
	published, err = readTable(x.markdown)
	require.NoError(t, err)
	require.Len(t, published, 2)
}

func TestTableThatIsNoneIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mutants.md")
	require.NoError(t, os.WriteFile(file, []byte("| a | b | c | d | many | 1.0 | - |\n"), 0o600))
	_, err := readTable(file)
	require.ErrorContains(t, err, "line 1")
	_, err = readTable(file + ".none")
	require.Error(t, err)
}
