package library

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// floorFile is how long the files are that the floor writes to: zeros that are on the disk, as in a log that was reserved.
const floorFile = 64 << 20

// Floor measures the disk alone: what one command costs that three logs write at the same time, until two of them have synced it. No consensus
// over these disks can be faster, one command at a time. It tells each time that it took.
func Floor(folder string, size int, duration time.Duration) ([]time.Duration, error) {
	files := make([]*os.File, members)
	for i := range files {
		file, err := zeroed(filepath.Join(folder, "floor-"+string(rune('a'+i))))
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // what it holds is of no use
		files[i] = file
	}
	const sector = 512
	var took []time.Duration
	end := time.Now().Add(duration)
	for n := int64(0); time.Now().Before(end); n++ {
		majority, err := writeAll(files, make([]byte, max(size, 128)), n*sector%(floorFile-sector))
		if err != nil {
			return nil, err
		}
		took = append(took, majority)
	}
	return took, nil
}

// writeAll writes and syncs at all files, and tells when a majority of them was done.
func writeAll(files []*os.File, data []byte, at int64) (time.Duration, error) {
	took, errs := make([]time.Duration, len(files)), make([]error, len(files))
	var writing sync.WaitGroup
	began := time.Now()
	for i, file := range files {
		writing.Go(func() {
			_, err := file.WriteAt(data, at)
			errs[i] = errors.Join(err, unix.Fdatasync(int(file.Fd())))
			took[i] = time.Since(began)
		})
	}
	writing.Wait()
	slices.Sort(took)
	return took[len(took)/2], errors.Join(errs...)
}

func zeroed(path string) (*os.File, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < floorFile; at += int64(len(zeros)) {
		if _, err := file.WriteAt(zeros, at); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return file, file.Sync()
}
