package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"

	"lockd/cluster"
)

const zookeeperJar = "/usr/share/java/zookeeper.jar"

// zookeeperHeap is enough for everything here.
const zookeeperHeap = "-Xmx1g"

// ZooKeeper describes what Debian's package has.
func ZooKeeper() *System {
	s := &System{
		Name: "ZooKeeper", Servers: 3,
		Settings: "tickTime 2000, initLimit 10, syncLimit 5, forceSync yes, " + zookeeperHeap,
		Choices: []string{
			"go-zookeeper's own Lock, and a connection for each session, because there a session is one.",
			zookeeperHeap + ": with less it collects garbage all the time, with more it does not get faster. The collector is Java's own choice: the parallel one was no faster.",
			"forceSync as by default: without it answers would leave before the disk has anything. Requests that come together are synced together, " +
				"up to 1,000, which is its default as well.",
			"globalOutstandingLimit stays at 1,000: with 100,000 neither 256 clients nor 1,000 waiters were served faster.",
			"It is loaded for ten seconds before it is measured, until Java has compiled what runs often; so is everybody.",
			"No audit, no administration server, logs of errors only. Its leader is missed when its connections break, which no setting makes faster, so that it has defaults only " +
				"in the table of failovers.",
		},
		launch: launchZooKeeper,
		Open:   connectZooKeeper,
		role:   zookeeperRole,
	}
	jars, _ := filepath.Glob("/usr/share/java/zookeeper-[0-9]*.jar") // the pattern is a good one
	if len(jars) == 0 {
		s.Missing = "zookeeper is not installed: apt-get update && apt-get install -y --no-install-recommends zookeeper default-jre-headless"
		return s
	}
	if _, err := exec.LookPath("java"); err != nil {
		s.Missing = "java is not installed, which ZooKeeper needs: apt-get update && apt-get install -y default-jre-headless"
		return s
	}
	s.Version = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(jars[0]), "zookeeper-"), ".jar")
	if java := javaVersion(); java != "" {
		s.Version += " on Java " + java
	}
	return s
}

// javaVersion is what Java says in its first line, between quotes: openjdk version "17.0.1" and more. Empty: it says something else.
func javaVersion() string {
	said, _ := exec.Command("java", "-version").CombinedOutput()
	parts := strings.SplitN(string(said), `"`, 3)
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}

func launchZooKeeper(c *Cluster, _ Timing) error {
	addresses, err := cluster.FreeAddresses(3 * c.System.Servers)
	if err != nil {
		return err
	}
	c.endpoints = addresses[:3]
	var members strings.Builder
	for i := range 3 {
		_, election, err := net.SplitHostPort(addresses[6+i])
		if err != nil {
			return err
		}
		fmt.Fprintf(&members, "server.%d=%s:%s\n", i+1, addresses[3+i], election)
	}
	for i := range 3 {
		err := c.run("zookeeper-"+strconv.Itoa(i+1), func(data string) ([]string, error) {
			return []string{"java", zookeeperHeap, "-Dzookeeper.admin.enableServer=false",
				"-cp", data + ":" + zookeeperJar, "org.apache.zookeeper.server.quorum.QuorumPeerMain", filepath.Join(data, "zoo.cfg"),
			}, configureZooKeeper(data, i+1, c.endpoints[i], members.String())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// configureZooKeeper writes what a server reads when it starts.
func configureZooKeeper(data string, id int, listen, members string) error {
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return err
	}
	config := fmt.Sprintf("dataDir=%s\nclientPort=%s\nclientPortAddress=%s\ntickTime=2000\ninitLimit=10\nsyncLimit=5\nmaxClientCnxns=0\n"+
		"4lw.commands.whitelist=srvr\n%s", data, port, host, members)
	const logging = "log4j.rootLogger=ERROR, CONSOLE\nlog4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender\n" +
		"log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout\n"
	return errors.Join(
		os.WriteFile(filepath.Join(data, "zoo.cfg"), []byte(config), 0o600),
		os.WriteFile(filepath.Join(data, "log4j.properties"), []byte(logging), 0o600),
		os.WriteFile(filepath.Join(data, "myid"), []byte(strconv.Itoa(id)), 0o600))
}

func connectZooKeeper(ctx context.Context, c *Cluster, sessions int) (*Crew, error) {
	opened, err := openAll(sessions, func() (Session, error) { return dialZooKeeper(ctx, c.endpoints) })
	crew := &Crew{Sessions: opened, hangUp: func() {}} // a connection ends with its session
	if err != nil {
		crew.HangUp()
		return nil, err
	}
	return crew, nil
}

type silence struct{}

func (silence) Printf(string, ...any) {}

// dialZooKeeper returns when there is a session.
func dialZooKeeper(ctx context.Context, endpoints []string) (Session, error) {
	connection, events, err := zk.Connect(endpoints, TTL, zk.WithLogger(silence{}), zk.WithLogInfo(false))
	if err != nil {
		return nil, err
	}
	for {
		select {
		case event := <-events:
			if event.State == zk.StateHasSession {
				return zookeeperSession{connection}, nil
			}
		case <-ctx.Done():
			connection.Close()
			return nil, ctx.Err()
		}
	}
}

type zookeeperSession struct{ connection *zk.Conn }

func (s zookeeperSession) Mutex(name string) Mutex {
	return &zookeeperMutex{zk.NewLock(s.connection, "/bench/"+name, zk.WorldACL(zk.PermAll))}
}

// Close waits for a second at most, by itself.
func (s zookeeperSession) Close(context.Context) error { s.connection.Close(); return nil }

type zookeeperMutex struct{ lock *zk.Lock }

// Lock gives up when ctx ends. The client knows no contexts, so that the attempt goes on behind it, and is taken back when it has succeeded.
func (m *zookeeperMutex) Lock(ctx context.Context) error {
	if ctx.Done() == nil {
		return m.lock.Lock()
	}
	done := make(chan error, 1)
	go func() { done <- m.lock.Lock() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		go func() {
			if err := <-done; err == nil {
				_ = m.lock.Unlock() // else it goes with its session
			}
		}()
		return ctx.Err()
	}
}

func (m *zookeeperMutex) Unlock(context.Context) error { return m.lock.Unlock() }

// zookeeperRole asks by hand: the client's own way does not understand what this version answers.
func zookeeperRole(_ context.Context, c *Cluster, server int) role {
	connection, err := net.DialTimeout("tcp", c.endpoints[server], time.Second)
	if err != nil {
		return absent
	}
	defer connection.Close() //nolint:errcheck // it is only read
	_ = connection.SetDeadline(time.Now().Add(time.Second))
	_, _ = connection.Write([]byte("srvr"))
	answer, _ := io.ReadAll(connection) // whatever went wrong, the answer says nothing then
	switch {
	case strings.Contains(string(answer), "Mode: leader"):
		return leads
	case strings.Contains(string(answer), "Mode: follower"):
		return follows
	}
	return absent
}
