package wal_test

import (
	"testing"

	"lockd/wal"
	"lockd/wal/waltest"

	"github.com/stretchr/testify/require"
)

func TestOSIsAnFS(t *testing.T) {
	waltest.TestFS(t, func(t *testing.T) wal.FS { return wal.OS(t.TempDir()) })
}

func TestADirectoryInUseIsNamed(t *testing.T) {
	directory := t.TempDir()
	lock, err := wal.OS(directory).Lock()
	require.NoError(t, err)
	_, err = wal.OS(directory).Lock()
	require.ErrorIs(t, err, wal.ErrInUse)
	require.ErrorContains(t, err, directory)
	require.NoError(t, lock.Close())
}
