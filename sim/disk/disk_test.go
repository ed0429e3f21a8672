package disk_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"lockd/sim/disk"
	"lockd/wal"

	"github.com/stretchr/testify/require"
)

const sectors = 6

func newDisk(seed uint64) *disk.Disk { return disk.New(rand.New(rand.NewPCG(seed, 0))) }

// fill returns so many sectors of one letter.
func fill(letter string, count int) []byte {
	return bytes.Repeat([]byte(letter), count*disk.SectorSize)
}

func create(t *testing.T, d *disk.Disk, name string, content []byte) wal.File {
	t.Helper()
	file, err := d.Create(name)
	require.NoError(t, err)
	_, err = file.WriteAt(content, 0)
	require.NoError(t, err)
	return file
}

// kept returns a disk with one durable file of sectors "a", open.
func kept(t *testing.T, seed uint64) (*disk.Disk, wal.File) {
	t.Helper()
	d := newDisk(seed)
	file := create(t, d, "file", fill("a", sectors))
	require.NoError(t, file.Sync())
	require.NoError(t, d.SyncDir())
	return d, file
}

// letters returns the first byte of each sector, after it has seen that the others agree.
func letters(t *testing.T, d *disk.Disk, name string) string {
	t.Helper()
	file, err := d.Open(name)
	require.NoError(t, err)
	content, err := io.ReadAll(io.NewSectionReader(file, 0, d.Size(name)))
	require.NoError(t, err)
	var found strings.Builder
	for ; len(content) > 0; content = content[disk.SectorSize:] {
		require.Equal(t, bytes.Repeat(content[:1], disk.SectorSize), content[:disk.SectorSize], "a sector is never mixed")
		found.WriteByte(content[0])
	}
	return found.String()
}

func TestWhatIsSyncedSurvivesALossOfPower(t *testing.T) {
	for seed := range uint64(20) {
		d, _ := kept(t, seed)
		d.Crash()
		require.Equal(t, "aaaaaa", letters(t, d, "file"))
	}
}

func TestOfAnUnsyncedWriteAnySectorsSurvive(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(2000) {
		d, file := kept(t, seed)
		_, err := file.WriteAt(fill("b", sectors), 0)
		require.NoError(t, err)
		d.Crash()
		seen[letters(t, d, "file")] = true
	}
	require.Len(t, seen, 1<<sectors, "every subset comes up")
}

func TestASectorWrittenTwiceMayHaveAnyOfItsContents(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(100) {
		d, file := kept(t, seed)
		for _, letter := range []string{"b", "c"} {
			_, err := file.WriteAt(fill(letter, 1), 0)
			require.NoError(t, err)
		}
		d.Crash()
		seen[letters(t, d, "file")[:1]] = true
	}
	require.Equal(t, map[string]bool{"a": true, "b": true, "c": true}, seen)
}

func TestAKilledProcessLeavesTheCache(t *testing.T) {
	d, file := kept(t, 1)
	lock, err := d.Lock()
	require.NoError(t, err)
	_, err = file.WriteAt(fill("b", 2), 0)
	require.NoError(t, err)
	d.Kill()
	require.Equal(t, "bbaaaa", letters(t, d, "file"))
	_, err = file.WriteAt(fill("c", 1), 0)
	require.ErrorIs(t, err, disk.ErrHalted, "its files are closed")
	_, err = d.Lock()
	require.NoError(t, err, "its lock is gone")
	require.NoError(t, lock.Close())
	_, err = d.Lock()
	require.ErrorIs(t, err, wal.ErrInUse, "and closing it now does not free the new one")
}

func TestAFailedSyncForgetsWhatWasDirty(t *testing.T) {
	lost := 0
	for seed := range uint64(20) {
		d, file := kept(t, seed)
		_, err := file.WriteAt(fill("b", sectors), 0)
		require.NoError(t, err)
		d.FailAt(d.Operations() + 1)
		require.ErrorIs(t, file.Sync(), disk.ErrFault)
		require.Equal(t, "bbbbbb", letters(t, d, "file"), "reads see it still")
		require.NoError(t, file.Sync(), "the next one succeeds")
		d.Crash()
		if letters(t, d, "file") != "bbbbbb" {
			lost++
		}
	}
	require.Greater(t, lost, 15, "and wrote nothing")
}

func TestOfUnsyncedNamesAnySurvive(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(200) {
		d, _ := kept(t, seed)
		require.NoError(t, create(t, d, "new", fill("n", 1)).Sync())
		require.NoError(t, d.Rename("file", "moved"))
		d.Crash()
		names, err := d.List()
		require.NoError(t, err)
		seen[strings.Join(names, " ")] = true
	}
	require.Equal(t, map[string]bool{"file": true, "file new": true, "moved": true, "moved new": true}, seen)
}

func TestARemovedFileMayComeBackUntilTheDirectoryIsSynced(t *testing.T) {
	back := 0
	for seed := range uint64(20) {
		d, _ := kept(t, seed)
		require.NoError(t, d.Remove("file"))
		if seed%2 == 0 {
			require.NoError(t, d.SyncDir())
		}
		d.Crash()
		if d.Size("file") > 0 {
			require.NotZero(t, seed%2)
			back++
		}
	}
	require.NotZero(t, back)
}

func TestAGrownFileMayBeShortAgain(t *testing.T) {
	sizes := map[int64]bool{}
	for seed := range uint64(20) {
		d, file := kept(t, seed)
		require.NoError(t, file.Allocate(2*sectors*disk.SectorSize))
		d.Crash()
		sizes[d.Size("file")/disk.SectorSize] = true
	}
	require.Equal(t, map[int64]bool{sectors: true, 2 * sectors: true}, sizes)
}

func TestHaltStopsEverythingBeforeItHappens(t *testing.T) {
	d, file := kept(t, 1)
	d.HaltAt(d.Operations() + 2)
	_, err := file.WriteAt(fill("b", 1), 0)
	require.NoError(t, err)
	for range 3 {
		_, err = file.WriteAt(fill("c", 2), 0)
		require.ErrorIs(t, err, disk.ErrHalted)
		require.ErrorIs(t, d.Remove("file"), disk.ErrHalted)
	}
	require.Equal(t, "baaaaa", letters(t, d, "file"))
}

func TestHaltAtTearWaitsForAWriteOfSeveralSectorsThatChange(t *testing.T) {
	d, file := kept(t, 1)
	d.HaltAtTear()
	for _, content := range [][]byte{fill("a", sectors), fill("b", 1)} {
		_, err := file.WriteAt(content, 0)
		require.NoError(t, err)
		require.NoError(t, file.Sync())
	}
	_, err := file.WriteAt(fill("c", 2), 0)
	require.NoError(t, err)
	require.ErrorIs(t, file.Sync(), disk.ErrHalted)
	require.Equal(t, "ccaaaa", letters(t, d, "file"))
}

func TestAFullDiskChangesNothing(t *testing.T) {
	d, file := kept(t, 1)
	d.SetCapacity(d.Used() + 100)
	require.ErrorIs(t, file.Allocate(d.Used()+101), wal.ErrDiskFull)
	_, err := file.WriteAt(fill("b", 2), (sectors-1)*disk.SectorSize)
	require.ErrorIs(t, err, wal.ErrDiskFull)
	require.Equal(t, "aaaaaa", letters(t, d, "file"))
	_, err = file.WriteAt(fill("b", 1), 0)
	require.NoError(t, err, "what needs no more room goes on")
	require.NoError(t, file.Allocate(d.Used()+100))
}

func TestRotSurvivesALossOfPower(t *testing.T) {
	d, _ := kept(t, 1)
	d.Blank("file", 2)
	require.Equal(t, "aa\x00aaa", letters(t, d, "file"))
	for bit := range int64(disk.SectorSize) {
		d.FlipBit("file", bit*8)
	}
	d.Crash()
	require.Equal(t, "`a\x00aaa", letters(t, d, "file"))
}

func TestTheSameSeedGivesTheSameDisk(t *testing.T) {
	run := func() string {
		d, file := kept(t, 7)
		for _, letter := range []string{"b", "c", "d"} {
			_, err := file.WriteAt(fill(letter, 4), disk.SectorSize)
			require.NoError(t, err)
		}
		for _, name := range []string{"x", "y", "z"} {
			create(t, d, name, fill(name, 2))
		}
		d.Crash()
		names, err := d.List()
		require.NoError(t, err)
		found := ""
		for _, name := range names {
			found += name + letters(t, d, name)
		}
		return found
	}
	first := run()
	for range 10 {
		require.Equal(t, first, run())
	}
}

// struck is a disk on which a write of all sectors and a new name were not synced when the power was lost.
func struck(t *testing.T, seed uint64, may disk.Harm) (*disk.Disk, disk.Toll) {
	d, file := kept(t, seed)
	_, err := file.WriteAt(fill("b", sectors), 0)
	require.NoError(t, err)
	require.NoError(t, create(t, d, "new", fill("n", 1)).Sync())
	return d, d.LosePower(may)
}

func TestWithoutHarmEverythingIsThereAfterALossOfPower(t *testing.T) {
	for seed := range uint64(50) {
		d, toll := struck(t, seed, disk.Harm{})
		require.Equal(t, "bbbbbb", letters(t, d, "file"))
		require.Equal(t, "n", letters(t, d, "new"))
		require.Zero(t, toll)
	}
}

func TestALostWriteIsGoneAsAWhole(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(50) {
		d, toll := struck(t, seed, disk.Harm{Lost: true})
		found := letters(t, d, "file")
		seen[found] = true
		require.Equal(t, disk.Toll{Sectors: strings.Count(found, "a")}, toll)
		require.EqualValues(t, disk.SectorSize, d.Size("new"))
	}
	require.Equal(t, map[string]bool{"aaaaaa": true, "bbbbbb": true}, seen)
}

func TestOfATornWriteSomethingIsThereAndSomethingIsNot(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(2000) {
		d, toll := struck(t, seed, disk.Harm{Torn: true})
		found := letters(t, d, "file")
		seen[found] = true
		gone := strings.Count(found, "a")
		require.Equal(t, disk.Toll{Sectors: gone, Torn: min(1, gone)}, toll)
	}
	require.Len(t, seen, 1<<sectors-1, "every way to tear it, and whole")
	require.False(t, seen["aaaaaa"])
}

func TestAWriteBehindTheEndOfAFileIsNotTornByItsLength(t *testing.T) {
	for seed := range uint64(50) {
		d, file := kept(t, seed)
		_, err := file.WriteAt(fill("b", 4), (sectors-2)*disk.SectorSize)
		require.NoError(t, err)
		d.LosePower(disk.Harm{Lost: true})
		require.Contains(t, []string{"aaaaaa", "aaaaaa\x00\x00", "aaaabbbb"}, letters(t, d, "file"))
	}
}

func TestNamesAreUndoneAndCounted(t *testing.T) {
	undone := 0
	for seed := range uint64(50) {
		d, toll := struck(t, seed, disk.Harm{Undone: true})
		require.Equal(t, "bbbbbb", letters(t, d, "file"))
		require.Equal(t, d.Size("new") == 0, toll.Names == 1)
		undone += toll.Names
	}
	require.Greater(t, undone, 10)
	require.Less(t, undone, 40)
}

func TestWhatMakesNoDifferenceIsNotLost(t *testing.T) {
	for seed := range uint64(20) {
		d, file := kept(t, seed)
		_, err := file.WriteAt(fill("a", sectors), 0)
		require.NoError(t, err)
		require.Zero(t, d.LosePower(disk.AllHarm))
	}
}

func TestTheChosenWriteFailsAndTheChosenSync(t *testing.T) {
	d, file := kept(t, 1)
	d.FailWrite(2)
	d.FailSync(2)
	var failed []string
	for range 3 {
		for _, do := range []func() error{
			func() error { _, err := file.WriteAt(fill("b", 1), 0); return err }, file.Sync, d.SyncDir,
		} {
			var fault *disk.FaultError
			if err := do(); errors.As(err, &fault) {
				require.ErrorIs(t, err, disk.ErrFault)
				failed = append(failed, fault.Operation+" "+fault.Name)
			}
		}
	}
	require.Equal(t, []string{"sync directory", "write file"}, failed)
	for _, end := range []func(){d.Kill, d.Relent} {
		d.FailSync(1)
		end()
		require.NoError(t, d.SyncDir(), "nothing fails any more")
	}
}

func TestAMisdirectedWriteIsMissedOnceThePowerIsGone(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(200) {
		d, file := kept(t, seed)
		d.Misdirect(rand.New(rand.NewPCG(seed, 1)))
		_, err := file.WriteAt(fill("b", 2), disk.SectorSize)
		require.NoError(t, err)
		require.Empty(t, d.Astray())
		require.NoError(t, file.Sync())
		require.Equal(t, []string{"file"}, d.Astray())
		require.Equal(t, "abbaaa", letters(t, d, "file"), "reads see what they should")
		_, err = file.WriteAt(fill("c", 1), 5*disk.SectorSize)
		require.NoError(t, err)
		require.NoError(t, file.Sync())
		d.LosePower(disk.Harm{})
		seen[letters(t, d, "file")] = true
	}
	require.Equal(t, map[string]bool{"bbaaac": true, "aabbac": true, "aaabbc": true, "aaaabc": true}, seen)
}

func TestOnlyAWriteThatHasAnotherPlaceGoesAstray(t *testing.T) {
	d, file := kept(t, 1)
	d.Misdirect(rand.New(rand.NewPCG(1, 1)))
	_, err := file.WriteAt(fill("b", sectors), 0)
	require.NoError(t, err)
	require.NoError(t, file.Sync())
	d.Crash()
	require.Equal(t, "bbbbbb", letters(t, d, "file"))
	require.Empty(t, d.Astray())
}

func TestAWipedDiskIsEmptyAndStaysSo(t *testing.T) {
	d, file := kept(t, 1)
	require.NoError(t, d.Rename("file", "moved"))
	d.Wipe()
	require.ErrorIs(t, file.Sync(), disk.ErrHalted, "the process is gone")
	d.Crash()
	names, err := d.List()
	require.NoError(t, err)
	require.Empty(t, names)
}

func TestHaltAtNameWaitsForAChangedDirectory(t *testing.T) {
	d, _ := kept(t, 1)
	d.HaltAtName()
	require.NoError(t, d.SyncDir(), "nothing has changed")
	create(t, d, "new", fill("n", 1))
	require.ErrorIs(t, d.SyncDir(), disk.ErrHalted)
}
