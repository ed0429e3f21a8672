package fence

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// unsynced is the operating system's disk without the waiting.
var unsynced = disk{(*os.File).WriteAt, func(*os.File) error { return nil }, os.Rename}

func reopen(t *testing.T, directory string, disk disk) *Guard {
	t.Helper()
	guard, err := open(directory, disk)
	require.NoError(t, err)
	t.Cleanup(func() { guard.Close() })
	return guard
}

// directoryWith returns a new directory whose file of marks has this content.
func directoryWith(t *testing.T, content []byte) string {
	t.Helper()
	directory := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(directory, marksName), content, 0o600))
	return directory
}

func marksFile(t *testing.T, directory string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(directory, marksName))
	require.NoError(t, err)
	return content
}

func TestMarksOutliveTheGuard(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "not there yet")
	guard, err := Open(directory)
	require.NoError(t, err)
	require.NoError(t, present(guard, "a", 34))
	require.NoError(t, present(guard, "a", 35))
	require.NoError(t, guard.Close())

	guard, err = Open(directory)
	require.NoError(t, err)
	defer guard.Close()
	require.Equal(t, &StaleError{"a", 34, 35}, present(guard, "a", 34))
	require.NoError(t, present(guard, "a", 35))
}

func TestADirectoryBelongsToOneGuard(t *testing.T) {
	directory := t.TempDir()
	guard, err := Open(directory)
	require.NoError(t, err)
	_, err = Open(directory)
	require.EqualError(t, err, "open the marks in "+directory+": the directory is in use by another guard")

	require.NoError(t, guard.Close())
	guard, err = Open(directory)
	require.NoError(t, err)
	require.NoError(t, guard.Close())
}

func TestOpenNeedsADirectory(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "no", "parent"))
	require.ErrorIs(t, err, fs.ErrNotExist)

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Open(file)
	require.ErrorContains(t, err, "in "+file)
}

// The crash of the machine in the middle of an operation is the one that matters: the
// operation may have had its effect, so its mark must be on disk already.
func TestTheMarkIsSyncedBeforeTheOperationBegins(t *testing.T) {
	var synced []byte
	disk := unsynced
	disk.sync = func(file *os.File) error {
		if filepath.Base(file.Name()) == freshName {
			synced, _ = os.ReadFile(filepath.Join(filepath.Dir(file.Name()), marksName))
		}
		return nil
	}
	guard := reopen(t, t.TempDir(), disk)
	for token := Token(1); token <= 3; token++ {
		require.NoError(t, guard.Do(t.Context(), "a", token, func() error {
			survivor := reopen(t, directoryWith(t, synced), unsynced)
			require.Equal(t, Token(token), highest(t, survivor, "a"))
			return nil
		}))
	}
}

// highest returns the mark of the resource, without raising it above 1.
func highest(t *testing.T, guard *Guard, resource string) Token {
	t.Helper()
	err := present(guard, resource, 1)
	if err == nil {
		return 1
	}
	stale := new(StaleError)
	require.ErrorAs(t, err, &stale)
	return stale.Highest
}

// The order of steps, for people to read and for a change of it to be noticed.
func TestStepsOnDisk(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "parent")
	require.NoError(t, os.Mkdir(parent, 0o700))
	directory := filepath.Join(parent, "guard")
	var story []string
	tell := func(format string, arguments ...any) { story = append(story, fmt.Sprintf(format, arguments...)) }
	disk := disk{
		writeAt: func(file *os.File, data []byte, offset int64) (int, error) {
			tell("write %d at %d", len(data), offset)
			return file.WriteAt(data, offset)
		},
		sync: func(file *os.File) error {
			name := filepath.Base(file.Name())
			tell("sync %s", strings.ReplaceAll(name, freshName, "file"))
			return nil
		},
		rename: func(from, to string) error {
			tell("rename %s to %s", filepath.Base(from), filepath.Base(to))
			return os.Rename(from, to)
		},
	}
	run := func(what string, step func() error) {
		tell("# %s", what)
		require.NoError(t, step())
	}

	var guard *Guard
	run("open a new directory", func() (err error) { guard, err = open(directory, disk); return })
	run("token 1", func() error { return present(guard, "a", 1) })
	run("token 1 again", func() error { return present(guard, "a", 1) })
	run("token 2", func() error { return present(guard, "a", 2) })
	run("compact", func() error { return guard.ledger.compact() })
	run("token 3", func() error { return present(guard, "a", 3) })
	run("close", guard.Close)
	run("open again", func() (err error) { guard, err = open(directory, disk); return })
	run("close", guard.Close)

	require.Equal(t, strings.TrimSpace(`
# open a new directory
sync parent
write 64 at 0
sync file
rename marks.new to marks
sync guard
# token 1
write 64 at 64
sync file
# token 1 again
# token 2
write 64 at 128
sync file
# compact
write 128 at 0
sync file
rename marks.new to marks
sync guard
# token 3
write 64 at 128
sync file
# close
# open again
write 128 at 0
sync file
rename marks.new to marks
sync guard
# close`), strings.Join(story, "\n"))
}

// A file of two sealed records and three appended ones, cut at every byte: the sealed ones
// are never missed in silence, and of the others only a record that is not whole may go.
func TestAFileCutAnywhere(t *testing.T) {
	content := fiveRecords(t)
	for length := range len(content) {
		marks, err := decodeFile(content[:length])
		records := length/recordSize - 1
		if records < 2 {
			require.ErrorIs(t, err, ErrBroken, "cut to %d bytes", length)
			continue
		}
		require.NoError(t, err, "cut to %d bytes", length)
		require.Equal(t, marksAfter(records), marks, "cut to %d bytes", length)
	}
}

// The same file with each of its bits flipped is refused, the last record's included: a
// record that is there in full was acknowledged, and must not be taken for unfinished.
func TestABitFlippedAnywhere(t *testing.T) {
	content := fiveRecords(t)
	for bit := range 8 * len(content) {
		content[bit/8] ^= 1 << (bit % 8)
		_, err := decodeFile(content)
		damage := new(DamageError)
		require.ErrorAs(t, err, &damage, "bit %d", bit)
		require.Equal(t, int64(bit/8/recordSize*recordSize), damage.Offset)
		content[bit/8] ^= 1 << (bit % 8)
	}
}

// fiveRecords returns what a guard wrote: marks 11 and 12 sealed, then 13, 14 and 15, each
// for a resource of its own but the last, which raises the first.
func fiveRecords(t *testing.T) []byte {
	t.Helper()
	directory := t.TempDir()
	guard := reopen(t, directory, unsynced)
	for i, resource := range fiveResources {
		if i == 2 {
			require.NoError(t, guard.ledger.compact())
		}
		require.NoError(t, present(guard, resource, Token(11+i)))
	}
	content := marksFile(t, directory)
	require.Len(t, content, 6*recordSize)
	return content
}

var fiveResources = []string{"a", "b", "c", "d", "a"}

// marksAfter returns the marks that the first records of fiveRecords make.
func marksAfter(records int) map[digest]Token {
	marks := make(map[digest]Token)
	for i, resource := range fiveResources[:records] {
		marks[digestOf(resource)] = Token(11 + i)
	}
	return marks
}

func TestDamageNamesFileAndPlace(t *testing.T) {
	content := fiveRecords(t)
	content[2*recordSize+20] ^= 1
	directory := directoryWith(t, content)
	_, err := Open(directory)
	require.EqualError(t, err, "open the marks in "+directory+": fence: "+filepath.Join(directory, marksName)+
		" is damaged at byte 128: the record's checksum is wrong")
	require.Equal(t, content, marksFile(t, directory), "the damaged file is left as it is, for whoever repairs it")
}

func TestARecordInAWrongPlaceIsDamage(t *testing.T) {
	content := fiveRecords(t)
	copy(content[5*recordSize:], content[4*recordSize:5*recordSize])
	_, err := decodeFile(content)
	require.Equal(t, &DamageError{Offset: 320, Reason: "the record belongs to another place"}, err)
}

func TestZerosAtTheEndAreAnUnfinishedRecordOnce(t *testing.T) {
	content := fiveRecords(t)
	marks, err := decodeFile(append(content, make([]byte, recordSize)...))
	require.NoError(t, err)
	require.Equal(t, marksAfter(5), marks)

	_, err = decodeFile(append(content, make([]byte, 2*recordSize)...))
	require.ErrorIs(t, err, ErrBroken, "one record is appended at a time: this is no crash")
}

func TestAFileOfAnotherFormat(t *testing.T) {
	block := encodeHeader(0)
	copy(block, strings.Replace(formatText, "1", "2", 1))
	_, err := decodeFile(seal(block))
	require.ErrorContains(t, err, `the header does not say "lockd fence marks, version 1"`)
}

func TestAHalfMadeFileIsWrittenOver(t *testing.T) {
	directory := directoryWith(t, fiveRecords(t))
	require.NoError(t, os.WriteFile(filepath.Join(directory, freshName), bytes.Repeat([]byte("junk"), 1000), 0o600))
	guard := reopen(t, directory, unsynced)
	require.Equal(t, Token(15), highest(t, guard, "a"))
	require.Len(t, marksFile(t, directory), 5*recordSize)
}

func TestAFullDiskRefusesOneOperationAndThenServesAgain(t *testing.T) {
	full := false
	disk := unsynced
	disk.writeAt = func(file *os.File, data []byte, offset int64) (int, error) {
		if full {
			written, _ := file.WriteAt(data[:recordSize/2], offset)
			return written, syscall.ENOSPC
		}
		return file.WriteAt(data, offset)
	}
	directory := t.TempDir()
	guard := reopen(t, directory, disk)
	require.NoError(t, present(guard, "a", 34))

	full = true
	err := guard.Do(t.Context(), "a", 35, func() error { t.Error("begun without its mark"); return nil })
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NotErrorIs(t, err, ErrBroken)
	require.NoError(t, present(guard, "a", 34), "35 was never let in, so 34 still is")
	require.ErrorIs(t, guard.ledger.compact(), syscall.ENOSPC)

	full = false
	require.NoError(t, present(guard, "a", 36))
	require.NoError(t, guard.Close())
	require.Equal(t, Token(36), highest(t, reopen(t, directory, disk), "a"))
}

// The n-th sync or rename fails, for every n: from then on nothing is let in, and opening
// again finds every mark for which an operation ran.
func TestAfterAFailedSyncNothingIsBelieved(t *testing.T) {
	for n := 1; ; n++ {
		directory := t.TempDir()
		steps := 0
		fail := func() error {
			if steps++; steps == n {
				return errDisk
			}
			return nil
		}
		disk := disk{
			writeAt: (*os.File).WriteAt,
			sync:    func(*os.File) error { return fail() },
			rename: func(from, to string) error {
				if err := fail(); err != nil {
					return err
				}
				return os.Rename(from, to)
			},
		}
		let, err := liveUntilRefused(t, directory, disk)
		if err == nil {
			require.Greater(t, n, 8, "the story has several syncs in it")
			return
		}
		require.ErrorIs(t, err, ErrBroken, "step %d", n)
		require.ErrorIs(t, err, errDisk, "step %d", n)
		require.GreaterOrEqual(t, highest(t, reopen(t, directory, unsynced), "a"), max(let, 1), "step %d", n)
	}
}

// liveUntilRefused opens a guard and raises a mark, with compactions, until the first error.
// It returns the highest token let in.
func liveUntilRefused(t *testing.T, directory string, disk disk) (let Token, refusal error) {
	t.Helper()
	guard, err := open(directory, disk)
	if err != nil {
		return 0, err
	}
	defer guard.Close()
	for token := Token(1); token <= 6; token++ {
		if token%3 == 0 {
			guard.ledger.records = spareRecords * 2 // time to compact
		}
		if err := present(guard, "a", token); err != nil {
			require.Equal(t, err, present(guard, "a", let+1), "the refusal stays")
			require.Equal(t, err, present(guard, "b", 1), "for every resource")
			if let > 0 {
				require.Equal(t, err, present(guard, "a", let), "and for equal tokens")
			}
			return let, err
		}
		let = token
	}
	return let, nil
}

func TestRotFoundWhileCompactingStopsTheGuard(t *testing.T) {
	directory := t.TempDir()
	guard := reopen(t, directory, unsynced)
	require.NoError(t, present(guard, "a", 34))
	_, err := guard.ledger.file.WriteAt([]byte{99}, recordSize+8)
	require.NoError(t, err)
	guard.ledger.records = spareRecords * 2

	damage := new(DamageError)
	require.ErrorAs(t, present(guard, "a", 35), &damage)
	require.Equal(t, int64(recordSize), damage.Offset)
	require.ErrorIs(t, present(guard, "b", 1), ErrBroken)
}

// A busy resource does not make the file grow without end.
func TestTheFileStaysSmall(t *testing.T) {
	directory := t.TempDir()
	guard := reopen(t, directory, unsynced)
	for token := Token(1); token <= 3*spareRecords; token++ {
		require.NoError(t, present(guard, "a", token))
		information, err := guard.ledger.file.Stat()
		require.NoError(t, err)
		require.LessOrEqual(t, information.Size(), int64((spareRecords+4)*recordSize))
	}
	require.NoError(t, guard.Close())
	require.Equal(t, Token(3*spareRecords), highest(t, reopen(t, directory, unsynced), "a"))
}
