package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
)

// A file on the disk has rotted. The server takes a snapshot that stands for all that was in it, as soon as it has applied so much, and only
// one for each time that it is told.
func TestRotBringsASnapshotForward(t *testing.T) {
	c := newCluster(t, 1)
	m := c.leader()
	session := c.open(time.Hour)
	applied := raft.Index(m.server.machine.Revision())
	require.Nil(t, m.snapshot)

	m.inbox = append(m.inbox, Rot{Through: applied + 2})
	c.settle()
	require.Nil(t, m.snapshot, "what is not committed is in no snapshot")
	c.grant(session, 1, "a")
	require.Nil(t, m.snapshot)
	c.grant(session, 2, "b")
	require.NotNil(t, m.snapshot)
	require.GreaterOrEqual(t, m.snapshot.Snapshot.Index, applied+2)

	save := func() {
		saved := m.snapshot.Snapshot
		saved.Data, m.snapshot = m.snapshot.Machine.Encode(), nil
		m.inbox = append(m.inbox, raft.Snapshotted{Snapshot: saved})
		c.settle()
	}
	save()
	require.Nil(t, m.snapshot)
	m.inbox = append(m.inbox, Rot{Through: applied})
	c.settle()
	require.NotNil(t, m.snapshot, "nothing has happened since, and the same state is saved again")
	save()
	c.grant(session, 3, "c")
	require.Nil(t, m.snapshot)
}
