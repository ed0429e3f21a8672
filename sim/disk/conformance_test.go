package disk_test

import (
	"math/rand/v2"
	"testing"

	"lockd/sim/disk"
	"lockd/wal"
	"lockd/wal/waltest"
)

func TestDiskIsAnFS(t *testing.T) {
	waltest.TestFS(t, func(*testing.T) wal.FS { return disk.New(rand.New(rand.NewPCG(1, 2))) })
}
