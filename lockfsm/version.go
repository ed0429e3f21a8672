package lockfsm

import "fmt"

// Version says how commands and snapshots are written, and what they may contain. Every one of them begins with its version, so each can be read
// by itself. The machine's state has the version in force: the highest in which a command may be written. It begins with Oldest, only
// rises, and does so by an Upgrade in the log, which is proposed when every member can read what it leads to.
//
// Versions are numbered without gaps, and the numbers are in logs and snapshots: they never change. What each has beyond the one before stands at Encode.
type Version uint8

// The versions that this program reads and writes. Old ones are kept for as long as a log or a backup may hold them.
const (
	Oldest = first
	Newest = compact
)

const (
	first   Version = 1
	compact Version = 2 // numbers are told by how far they are from others
)

// VersionError says that bytes are of a later version than whoever reads them supports. It must not guess what they mean, nor do without them.
type VersionError struct {
	Needed    Version
	Supported Version // the latest that the reader knows, or may use
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("version %d is needed, and the program supports no more than version %d: install a lockd that supports version %d", e.Needed, e.Supported, e.Needed)
}

// Is makes it an ErrVersion.
func (e *VersionError) Is(target error) bool { return target == ErrVersion }

// CommandNeeds is the version that a member must support to have the command in its log: the one in which it is written, or the one to which an
// Upgrade leads. Of what is no command it says no more than its beginning does.
func CommandNeeds(command []byte) Version {
	if len(command) == 0 {
		return Oldest
	}
	needs := Version(command[0])
	if len(command) == upgradeSize && kind(command[1]) == kindUpgrade {
		needs = max(needs, Version(command[2]))
	}
	return needs
}

// SnapshotNeeds is the version that a member must support to have the snapshot, of which it needs the first byte only: the one that was in force.
func SnapshotNeeds(snapshot []byte) Version {
	if len(snapshot) == 0 {
		return Oldest // that of a cluster that was just formed
	}
	return Version(snapshot[0])
}

// Version is the one in force.
func (m *Machine) Version() Version { return m.version }

// upgrade raises the version in force. A leader that did not know yet of another one's Upgrade may have proposed one that leads less far.
func (m *Machine) upgrade(c Upgrade) Result {
	m.version = max(m.version, c.To)
	return Result{Status: OK}
}
