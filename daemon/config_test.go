package daemon_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/daemon"
	"lockd/raft"
	"lockd/wal"
)

func TestAListOfMembersIsRead(t *testing.T) {
	t.Parallel()
	members, err := daemon.ParseMembers("1=a:7401, 2=b:7401")
	require.NoError(t, err)
	require.Equal(t, map[raft.ID]string{1: "a:7401", 2: "b:7401"}, members)
	for list, cause := range map[string]string{
		"1=a:1,1=b:1": "two members have the number 1: a:1 and b:1",
		"a:1":         `"a:1" is not a member of the form number=host:port`,
		"0=a:1":       "is not a member",
		"":            "is not a member",
	} {
		_, err := daemon.ParseMembers(list)
		require.ErrorContains(t, err, cause)
	}
}

func TestAConfigurationThatCannotWorkIsRefusedByName(t *testing.T) {
	t.Parallel()
	good := func() daemon.Config {
		return daemon.Config{
			Member: 1, Members: map[raft.ID]string{1: "127.0.0.1:7401", 2: "127.0.0.1:7411"},
			Directory: t.TempDir(), ClientAddress: "127.0.0.1:0",
		}
	}
	for cause, spoil := range map[string]func(*daemon.Config){
		"member 3 is not in its own list of members, which are 1, 2": func(c *daemon.Config) { c.Member = 3 },
		"zero is no member":                                              func(c *daemon.Config) { c.Member = 0 },
		"the list of members is empty":                                   func(c *daemon.Config) { c.Members = nil },
		"members 1 and 2 have the same address":                          func(c *daemon.Config) { c.Members[2] = c.Members[1] },
		`member 2: "nowhere" is not an address of the form host:port`:    func(c *daemon.Config) { c.Members[2] = "nowhere" },
		`client-address: "127.0.0.1:many" has no port: "many" is none`:   func(c *daemon.Config) { c.ClientAddress = "127.0.0.1:many" },
		"client-address is missing":                                      func(c *daemon.Config) { c.ClientAddress = "" },
		"the data directory is missing":                                  func(c *daemon.Config) { c.Directory = "" },
		"a heartbeat of 1s is more than a third of the election timeout": func(c *daemon.Config) { c.Heartbeat = 1e9 },
	} {
		config := good()
		spoil(&config)
		_, err := daemon.Start(config)
		require.ErrorContains(t, err, cause)
	}
}

func TestAPortInUseIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	c := newCluster(t, 1)
	config := c.configs[1]
	config.ClientAddress = taken.Addr().String()
	_, err = daemon.Start(config)
	require.ErrorContains(t, err, "listen for clients at "+config.ClientAddress+" (client-address)")
	require.ErrorContains(t, err, "address already in use")
}

func TestADirectoryThatIsNotOursIsNamed(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	config := c.configs[1]
	config.PeerAddress, config.ClientAddress, config.HTTPAddress = "127.0.0.1:0", "127.0.0.1:0", ""
	_, err := daemon.Start(config)
	require.ErrorIs(t, err, wal.ErrInUse)
	require.ErrorContains(t, err, config.Directory)
	c.stop(1)

	config.Member, config.Members = 2, map[raft.ID]string{2: "127.0.0.1:7401"}
	_, err = daemon.Start(config)
	require.ErrorIs(t, err, wal.ErrWrongMember)
}

func TestStopIsTwiceTheSame(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	node := c.nodes[1]
	require.NoError(t, node.Stop(context.Background()))
	require.NoError(t, node.Stop(context.Background()))
	<-node.Done()
	require.NoError(t, node.Err())
}
