//go:build stall

package wal

import (
	"os"
	"path/filepath"
	"time"
)

// stallFile is the file that makes the disk of its directory hang for as long as it is there, in a program that was
// built with the tag "stall". Trials stall real nodes with it: a device that hangs takes privileges that they do not have.
const stallFile = "STALL"

// stall waits until the file's directory has no stallFile.
func stall(file *os.File) {
	for {
		if _, err := os.Stat(filepath.Join(filepath.Dir(file.Name()), stallFile)); err != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
