package service

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lockd/client"
	"lockd/cluster"
	"lockd/raft"
)

// Lockd builds and describes this project's own service.
func Lockd(ctx context.Context, binaries string) (*System, error) {
	module, err := FindModule(ctx, "lockd")
	if err != nil {
		return nil, err
	}
	binary := filepath.Join(binaries, "lockd")
	if err := build(ctx, module.Directory, "./cmd/lockd", binary); err != nil {
		return nil, err
	}
	return &System{
		Name: "lockd", Version: "this commit", Servers: 3, Tunes: true,
		Settings: "defaults",
		Choices: []string{
			"One client, so one stream, for all sessions: that is how client.Client is meant to be used.",
			"Members serve HTTP for metrics as they do by default; only measurements of growth ask for them.",
		},
		launch: func(c *Cluster, t Timing) error { return launchLockd(c, binary, t) },
		Open: func(ctx context.Context, c *Cluster, sessions int) (*Crew, error) {
			return OpenLockd(ctx, c, sessions, Wish{TTL: TTL})
		},
		role: lockdRole,
	}, nil
}

// WithServers is the system as a cluster of that many.
func (s *System) WithServers(servers int) *System {
	other := *s
	other.Servers = servers
	return &other
}

func launchLockd(c *Cluster, binary string, timing Timing) error {
	size := c.System.Servers
	addresses, err := cluster.FreeAddresses(3 * size)
	if err != nil {
		return err
	}
	listen, peer, web := addresses[:size], addresses[size:2*size], addresses[2*size:]
	peers := make([]string, len(peer))
	for i := range peer {
		peers[i] = fmt.Sprintf("%d=%s", i+1, peer[i])
	}
	c.endpoints, c.web = listen, web
	for i := range listen {
		id := strconv.Itoa(i + 1)
		err := c.run("lockd-"+id, func(data string) ([]string, error) {
			command := []string{binary, "serve", "--id", id, "--data", data, "--peers", strings.Join(peers, ","),
				"--listen", listen[i], "--peer-listen", peer[i], "--http-listen", web[i]}
			if timing != (Timing{}) {
				command = append(command, "--heartbeat", timing.Heartbeat.String(), "--election-timeout", timing.Election.String())
			}
			return command, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Wish is how sessions of lockd are to be, and their locks.
type Wish struct {
	TTL   time.Duration
	Value int // bytes that are kept with each lock while it is held
}

// OpenLockd opens sessions of lockd as they are wished.
func OpenLockd(ctx context.Context, c *Cluster, sessions int, wish Wish) (*Crew, error) {
	shared, err := client.New(c.endpoints)
	if err != nil {
		return nil, err
	}
	value := strings.Repeat("v", wish.Value)
	opened, err := openAll(sessions, func() (Session, error) {
		session, err := shared.NewSession(ctx, wish.TTL)
		if err != nil {
			return nil, err
		}
		return lockdSession{session, value}, nil
	})
	crew := &Crew{Sessions: opened, hangUp: func() { _ = shared.Close() }} // nothing depends on how connections end
	if err != nil {
		crew.HangUp()
		return nil, err
	}
	return crew, nil
}

type lockdSession struct {
	*client.Session
	value string
}

func (s lockdSession) Mutex(name string) Mutex {
	return s.Session.Mutex(name, client.WithValue(s.value))
}

func lockdRole(ctx context.Context, c *Cluster, server int) role {
	asking, err := client.New(c.endpoints)
	if err != nil {
		return absent
	}
	defer asking.Close() //nolint:errcheck // it holds nothing
	seen, err := asking.Status(ctx, c.endpoints[server])
	switch {
	case err != nil || seen.Node.Leader == 0:
		return absent
	case seen.Node.Role == raft.Leader:
		return leads
	}
	return follows
}
