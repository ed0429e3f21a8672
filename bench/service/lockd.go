package service

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"lockd/client"
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
		Settings: "defaults; one client, so one stream, for all sessions: that is how client.Client is meant to be used",
		launch:   func(c *Cluster, t Timing) error { return launchLockd(c, binary, t) },
		connect:  connectLockd,
		role:     lockdRole,
	}, nil
}

func launchLockd(c *Cluster, binary string, timing Timing) error {
	addresses, err := freeAddresses(3 * c.System.Servers)
	if err != nil {
		return err
	}
	listen, peer, web := addresses[:3], addresses[3:6], addresses[6:]
	peers := make([]string, len(peer))
	for i := range peer {
		peers[i] = fmt.Sprintf("%d=%s", i+1, peer[i])
	}
	c.endpoints = listen
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

func connectLockd(ctx context.Context, c *Cluster, sessions int) (*Crew, error) {
	shared, err := client.New(c.endpoints)
	if err != nil {
		return nil, err
	}
	crew := &Crew{hangUp: func() { _ = shared.Close() }} // nothing depends on how connections end
	opened, err := openAll(sessions, func() (Session, error) {
		session, err := shared.NewSession(ctx, TTL)
		if err != nil {
			return nil, err
		}
		return lockdSession{session}, nil
	})
	if err != nil {
		crew.HangUp()
		return nil, err
	}
	crew.Sessions = opened
	return crew, nil
}

type lockdSession struct{ *client.Session }

func (s lockdSession) Mutex(name string) Mutex { return s.Session.Mutex(name) }

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
