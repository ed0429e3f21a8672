package wal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"lockd/raft"
)

// Successor names the cluster that goes on where the one of a retired directory ended.
type Successor struct {
	Cluster ClusterID
	Index   raft.Index // its log begins there
}

// successorFile is one sector. While it is there, Open refuses the directory.
//
//	magic 8 | format 4 | cluster 16 | index 8 | zeros | check 4
const (
	successorFile  = "successor"
	successorMagic = "lockd-su"
)

func encodeSuccessor(successor Successor) []byte {
	buffer := append(make([]byte, 0, sectorSize), successorMagic...)
	buffer = binary.LittleEndian.AppendUint32(buffer, formatVersion)
	buffer = append(buffer, successor.Cluster[:]...)
	buffer = binary.LittleEndian.AppendUint64(buffer, uint64(successor.Index))
	return appendCheck(append(buffer, zeroSector[:sectorSize-4-len(buffer)]...))
}

func readSuccessor(directory FS) (Successor, error) {
	file, err := readFile(directory, successorFile)
	if err != nil {
		return Successor{}, err
	}
	if len(file) != sectorSize || !bytes.HasPrefix(file, []byte(successorMagic)) ||
		binary.LittleEndian.Uint32(file[sectorSize-4:]) != crc32.Checksum(file[:sectorSize-4], castagnoli) {
		return Successor{}, &DamageError{File: successorFile, Reason: "not as it was written"}
	}
	in := decoder{rest: file[len(successorMagic):]}
	if format := in.uint32(); format > formatVersion {
		return Successor{}, fmt.Errorf("%w: its format is %d, this version reads up to %d", ErrNewerFormat, format, formatVersion)
	}
	return Successor{Cluster: ClusterID(in.bytes(16)), Index: raft.Index(in.uint64())}, nil
}

func writeSuccessor(directory FS, successor Successor) error {
	return replaceFile(directory, successorFile, sectorSize, func(file File) error {
		_, err := file.WriteAt(encodeSuccessor(successor), 0)
		return err
	})
}

// retired is why Open refuses. That the file is there is enough: whatever it says, somebody went on without this directory.
func retired(directory FS) error {
	successor, err := readSuccessor(directory)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRetired, err)
	}
	return fmt.Errorf("%w, %v, whose log begins at entry %d", ErrRetired, successor.Cluster, successor.Index)
}
