package service

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/zap"

	"lockd/cluster"
)

// etcdConnections is how many clients share the sessions. Its makers' own benchmark has one for each ten callers; on one machine those cost more
// processor time for each pair than they bring, while a single one is what limits etcd.
const etcdConnections = 4

// Etcd builds and describes etcd.
func Etcd(ctx context.Context, binaries string) (*System, error) {
	const server = "go.etcd.io/etcd/server/v3"
	module, err := FindModule(ctx, server)
	if err != nil {
		return nil, err
	}
	binary := filepath.Join(binaries, "etcd")
	if err := build(ctx, "", server, binary); err != nil {
		return nil, err
	}
	return &System{
		Name: "etcd", Version: module.Version, Servers: 3, Tunes: true,
		Settings: "defaults, log level error",
		Choices: []string{
			fmt.Sprintf("clientv3/concurrency Mutex over %d clients that share the sessions: one connection is what limits etcd then, and with 16 or 64 "+
				"each pair takes more processor time and none comes sooner.", etcdConnections),
			"Clients know all three endpoints, as is recommended, so most requests reach the leader through another member. Clients of the leader " +
				"alone would not survive it.",
			"No compaction and no larger quota: a run is over before it needs them, and compacting would be work.",
			"Its election timeout can't be less than five heartbeats, so 10 ms and 100 ms are what tuning means in the table of failovers.",
		},
		launch: func(c *Cluster, t Timing) error { return launchEtcd(c, binary, t) },
		Open:   connectEtcd,
		role:   etcdRole,
	}, nil
}

func launchEtcd(c *Cluster, binary string, timing Timing) error {
	addresses, err := cluster.FreeAddresses(2 * c.System.Servers)
	if err != nil {
		return err
	}
	listen, peer := addresses[:3], addresses[3:]
	cluster := make([]string, len(peer))
	for i := range peer {
		cluster[i] = fmt.Sprintf("m%d=http://%s", i, peer[i])
	}
	c.endpoints = listen
	for i := range listen {
		err := c.run("etcd-"+strconv.Itoa(i), func(data string) ([]string, error) {
			command := []string{binary, "--name", fmt.Sprintf("m%d", i), "--data-dir", data, "--log-level", "error",
				"--listen-client-urls", "http://" + listen[i], "--advertise-client-urls", "http://" + listen[i],
				"--listen-peer-urls", "http://" + peer[i], "--initial-advertise-peer-urls", "http://" + peer[i],
				"--initial-cluster", strings.Join(cluster, ",")}
			if timing != (Timing{}) {
				command = append(command, "--heartbeat-interval", strconv.FormatInt(timing.Heartbeat.Milliseconds(), 10),
					"--election-timeout", strconv.FormatInt(timing.Election.Milliseconds(), 10))
			}
			return command, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func dialEtcd(endpoints ...string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: 5 * time.Second, Logger: zap.NewNop()})
}

func connectEtcd(_ context.Context, c *Cluster, sessions int) (*Crew, error) {
	var shared []*clientv3.Client
	crew := &Crew{hangUp: func() {
		for _, s := range shared {
			_ = s.Close() // nothing depends on how connections end
		}
	}}
	for range min(etcdConnections, sessions) {
		connection, err := dialEtcd(c.endpoints...)
		if err != nil {
			crew.HangUp()
			return nil, err
		}
		shared = append(shared, connection)
	}
	var opened atomic.Int64
	all, err := openAll(sessions, func() (Session, error) {
		connection := shared[int(opened.Add(1))%len(shared)]
		session, err := concurrency.NewSession(connection, concurrency.WithTTL(int(TTL.Seconds())))
		if err != nil {
			return nil, err
		}
		return etcdSession{session}, nil
	})
	crew.Sessions = all
	if err != nil {
		crew.HangUp()
		return nil, err
	}
	return crew, nil
}

type etcdSession struct{ session *concurrency.Session }

func (s etcdSession) Mutex(name string) Mutex { return concurrency.NewMutex(s.session, "/bench/"+name) }

// Close gives the lease back. The client's own Close waits for as long as a TTL for servers that are gone.
func (s etcdSession) Close(ctx context.Context) error {
	s.session.Orphan()
	_, err := s.session.Client().Revoke(ctx, s.session.Lease())
	return err
}

func etcdRole(ctx context.Context, c *Cluster, server int) role {
	asking, err := dialEtcd(c.endpoints[server])
	if err != nil {
		return absent
	}
	defer asking.Close() //nolint:errcheck // it holds nothing
	status, err := asking.Status(ctx, c.endpoints[server])
	switch {
	case err != nil || status.Leader == 0:
		return absent
	case status.Leader == status.Header.MemberId:
		return leads
	}
	return follows
}
