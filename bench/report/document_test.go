package report

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden document; read the difference before it is committed")

func read(t *testing.T, names ...string) (reports []*Report) {
	for _, name := range names {
		r, err := Read(filepath.Join("testdata", name))
		require.NoError(t, err)
		reports = append(reports, r)
	}
	return reports
}

func TestTheDocumentTellsEverything(t *testing.T) {
	folder, story := t.TempDir(), filepath.Join(t.TempDir(), "story.md")
	require.NoError(t, os.WriteFile(story, []byte("## What profiles said\n\nOnce upon a time.\n"), 0o600))
	require.NoError(t, Document(folder, story, read(t, "locks.json", "growth.json")))
	written, err := os.ReadFile(filepath.Join(folder, "benchmarks.md"))
	require.NoError(t, err)
	golden := filepath.Join("testdata", "benchmarks.md")
	if *update {
		require.NoError(t, os.WriteFile(golden, written, 0o600))
	}
	wanted, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(wanted), string(written))
	for _, plot := range []string{"benchmarks-locks.svg", "benchmarks-growth.svg"} {
		require.FileExists(t, filepath.Join(folder, plot))
		require.Contains(t, string(written), "("+plot+")")
	}
}

func TestADocumentWithoutAStoryHasNoPlaceForOne(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, Document(folder, filepath.Join(folder, "no such file"), read(t, "growth.json")))
	written, err := os.ReadFile(filepath.Join(folder, "benchmarks.md"))
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(written), "(benchmarks-growth.svg)\n"))
}

func TestAStoryThatCannotBeReadIsAnError(t *testing.T) {
	folder := t.TempDir()
	require.Error(t, Document(folder, folder, nil), "it is a directory")
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	r, file := read(t, "growth.json")[0], filepath.Join(t.TempDir(), "again.json")
	require.NoError(t, r.Write(file))
	again, err := Read(file)
	require.NoError(t, err)
	require.Equal(t, r, again)
}

func TestAFileThatIsNoReportIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.json")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err := Read(file)
	require.ErrorContains(t, err, file)
	_, err = Read(file + ".not")
	require.ErrorIs(t, err, os.ErrNotExist)
}
