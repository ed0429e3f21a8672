package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"lockd/cluster"
)

// redisPoll is how long a client waits before it asks again for a lock that is held: Redis has no queue.
const redisPoll = 5 * time.Millisecond

// Redis describes one Redis server, which is not replicated: the price of durability alone.
func Redis() *System {
	s := &System{
		Name: "Redis", Servers: 1,
		Settings: "one node, not replicated; appendonly yes, appendfsync always, save \"\"",
		Choices: []string{
			"It shows the price of durability alone: what was acknowledged is on one disk, and nobody takes over from it.",
			"SET NX PX with a random value, and release by a Lua script that compares it: Redis's own recipe for one node.",
			"A connection for each session: the client's default of ten for each processor would have clients wait for one another.",
			"Redis has no queue, so who finds a lock held asks again each " + redisPoll.String() + ": more often takes processor time from the holder, less often leaves " +
				"the lock idle for longer.",
			"No snapshots beside the log: it loses nothing without them.",
		},
		launch: launchRedis,
		Open:   connectRedis,
		role:   func(context.Context, *Cluster, int) role { return leads },
	}
	output, err := exec.Command("redis-server", "--version").Output()
	if err != nil {
		s.Missing = "redis-server is not installed: apt-get update && apt-get install -y redis-server"
		return s
	}
	_, after, _ := strings.Cut(string(output), "v=")
	s.Version, _, _ = strings.Cut(after, " ")
	return s
}

func launchRedis(c *Cluster, _ Timing) error {
	addresses, err := cluster.FreeAddresses(1)
	if err != nil {
		return err
	}
	c.endpoints = addresses
	_, port, err := net.SplitHostPort(addresses[0])
	if err != nil {
		return err
	}
	return c.run("redis", func(data string) ([]string, error) {
		return []string{"redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", data, "--daemonize", "no",
			"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--loglevel", "warning"}, os.Mkdir(data, 0o700)
	})
}

func connectRedis(_ context.Context, c *Cluster, sessions int) (*Crew, error) {
	shared := redis.NewClient(&redis.Options{Addr: c.endpoints[0], PoolSize: max(16, sessions), MaxRetries: -1})
	crew := &Crew{hangUp: func() { _ = shared.Close() }} // nothing depends on how connections end
	for range sessions {
		crew.Sessions = append(crew.Sessions, redisSession{shared})
	}
	return crew, nil
}

type redisSession struct{ client *redis.Client }

func (s redisSession) Mutex(name string) Mutex { return &redisMutex{client: s.client, name: name} }

// Close has nothing to do: what a session holds is known by its keys alone.
func (s redisSession) Close(context.Context) error { return nil }

// redisMutex is a lock by Redis's own recipe: a random value says whose it is.
type redisMutex struct {
	client *redis.Client
	name   string
	value  string
}

var redisGrants atomic.Int64

var redisRelease = redis.NewScript(`if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end`)

func (m *redisMutex) Lock(ctx context.Context) error {
	m.value = fmt.Sprintf("%d-%s", os.Getpid(), strconv.FormatInt(redisGrants.Add(1), 36))
	for {
		granted, err := m.client.SetNX(ctx, m.name, m.value, TTL).Result()
		if err != nil || granted {
			return err
		}
		pause(ctx, redisPoll)
	}
}

func (m *redisMutex) Unlock(ctx context.Context) error {
	released, err := redisRelease.Run(ctx, m.client, []string{m.name}, m.value).Int()
	if err == nil && released == 0 {
		return errors.New("redis: the lock was not held any more")
	}
	return err
}
