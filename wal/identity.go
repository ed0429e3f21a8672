package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"lockd/raft"
)

// ClusterID names a cluster. Zero: the cluster is not formed yet.
type ClusterID [16]byte

func (c ClusterID) String() string { return fmt.Sprintf("%x", c[:]) }

// Identity says whose directory this is.
type Identity struct {
	Cluster     ClusterID
	Member      raft.ID
	Incarnation uint64 // minted with the directory, by whoever created it
	// Promised is the one membership that this directory has agreed to found a cluster with: see Log.Promise.
	// Empty: it has not, or the cluster is formed.
	Promised raft.Membership
}

// Formed reports whether the cluster exists and this directory belongs to it.
func (i Identity) Formed() bool { return i.Cluster != ClusterID{} }

// identityFile is one sector, twice: nobody else has what it says, so one of them may rot. It is replaced as a whole by a rename. A file of one sector
// is an older one.
//
//	magic 8 | format 4 | cluster 16 | member 8 | incarnation 8 | length 4 | promised | zeros | check 4
//
// The length is that of the promised membership, in bytes, which is as in a log's entry.
// The check is the CRC32C of all before it. Magic, format and check keep their places in
// every later format, so that a flipped bit is never mistaken for a newer version.
const (
	identityFile  = "identity"
	identityMagic = "lockd-id"
	identitySize  = 2 * sectorSize
	formatVersion = 1
)

// MaxMembers is how many members a promised membership may have: what one sector has room for.
const MaxMembers = (sectorSize - 8 - 4 - 16 - 8 - 8 - 4 - 4) / 16

func encodeIdentity(identity Identity) []byte {
	buffer := make([]byte, 0, sectorSize)
	buffer = append(buffer, identityMagic...)
	buffer = binary.LittleEndian.AppendUint32(buffer, formatVersion)
	buffer = append(buffer, identity.Cluster[:]...)
	buffer = binary.LittleEndian.AppendUint64(buffer, uint64(identity.Member))
	buffer = binary.LittleEndian.AppendUint64(buffer, identity.Incarnation)
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(16*len(identity.Promised.Members)))
	buffer = raft.AppendMembership(buffer, identity.Promised)
	sector := appendCheck(append(buffer, zeroSector[:sectorSize-4-len(buffer)]...))
	return append(sector, sector...)
}

func appendCheck(buffer []byte) []byte {
	return binary.LittleEndian.AppendUint32(buffer, crc32.Checksum(buffer, castagnoli))
}

// decodeIdentity takes the first copy that is whole. The damage is that of the other one; nil: there is none.
func decodeIdentity(file []byte) (Identity, *DamageError, error) {
	first, err := decodeIdentitySector(file[:min(sectorSize, len(file))])
	if len(file) != identitySize {
		return first, nil, err
	}
	second, wrong := decodeIdentitySector(file[sectorSize:])
	switch {
	case errors.Is(err, ErrNewerFormat) || wrong == nil && err == nil:
		return first, nil, err
	case err == nil:
		return first, &DamageError{File: identityFile, Offset: sectorSize, Reason: "one of two copies is not as it was written"}, nil
	case wrong == nil:
		return second, &DamageError{File: identityFile, Reason: "one of two copies is not as it was written"}, nil
	}
	return Identity{}, nil, err
}

func decodeIdentitySector(file []byte) (Identity, error) {
	damaged := &DamageError{File: identityFile, Reason: "not as it was written"}
	if len(file) != sectorSize || !bytes.HasPrefix(file, []byte(identityMagic)) {
		return Identity{}, damaged
	}
	if binary.LittleEndian.Uint32(file[sectorSize-4:]) != crc32.Checksum(file[:sectorSize-4], castagnoli) {
		return Identity{}, damaged
	}
	in := decoder{rest: file[len(identityMagic):]}
	if format := in.uint32(); format > formatVersion {
		return Identity{}, fmt.Errorf("%w: its format is %d, this version reads up to %d", ErrNewerFormat, format, formatVersion)
	}
	identity := Identity{Cluster: ClusterID(in.bytes(16)), Member: raft.ID(in.uint64()), Incarnation: in.uint64()}
	promised, err := raft.DecodeMembership(in.bytes(int(min(in.uint32(), 16*MaxMembers+1))))
	if err != nil || identity.Member == 0 || identity.Incarnation == 0 {
		return Identity{}, damaged
	}
	identity.Promised = promised
	return identity, nil
}

// readIdentity returns false when there is no identity, which only a directory that was
// never used may lack.
func readIdentity(directory FS) (Identity, *DamageError, bool, error) {
	file, err := readFile(directory, identityFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, nil, false, nil
	}
	if err != nil {
		return Identity{}, nil, false, err
	}
	identity, worn, err := decodeIdentity(file)
	return identity, worn, true, err
}

// check compares the identity with what the caller expects to open.
func (i Identity) check(options Options) error {
	if i.Member != options.Member {
		return fmt.Errorf("%w: it is member %d's, not %d's", ErrWrongMember, i.Member, options.Member)
	}
	if options.Cluster != (ClusterID{}) && i.Formed() && i.Cluster != options.Cluster {
		return fmt.Errorf("%w: it is of %v, not of %v", ErrWrongCluster, i.Cluster, options.Cluster)
	}
	return nil
}
