package daemon

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/wal"
	"lockd/wire"
)

// Config sets a node up. What is zero and has a default gets it.
type Config struct {
	// Member is this node's number in the cluster. Not zero.
	Member raft.ID
	// Members are all that found the cluster, this one too, and where each listens for the others, as host:port. It
	// must be the same at all of them. Who was added later is found in the log, and so is where it listens.
	Members map[raft.ID]string
	// Join says that a directory which is of no cluster yet joins one that exists, in place of founding one: it waits until the members
	// of that cluster have added it, by its number and its incarnation.
	Join bool

	// Directory holds the node's data; it is made if it does not exist. Files, when not nil, are used in its place.
	Directory string
	Files     wal.FS

	// Where to listen, as host:port. PeerAddress is the member's own in Members by default; ClientAddress is
	// for gRPC; without HTTPAddress there is no HTTP.
	PeerAddress, ClientAddress, HTTPAddress string
	// PeerListener is used in place of PeerAddress, when not nil, by those who have to know
	// the port before the node runs.
	PeerListener net.Listener
	// What others are told instead of the addresses that are listened on: needed when those name no
	// particular interface, or a proxy stands before them.
	AdvertiseClient, AdvertiseHTTP string

	// PeerTLS serves both directions between members, and is mutual if it asks for client certificates. Nil: in the clear.
	PeerTLS, ClientTLS, HTTPTLS *tls.Config

	// ElectionTimeout is how long a leader may be silent, 300 ms by default, and Heartbeat how often it
	// speaks, 50 ms by default and at most a third of it. The same at all members.
	ElectionTimeout, Heartbeat time.Duration

	// ScrubInterval is in how much time everything at rest on the disk is read once, to find what has rotted: an hour by default. It is
	// longer if there is too much to read with a pause between any two pieces of 64 KiB.
	ScrubInterval time.Duration

	Limits Limits
	Logger *slog.Logger // slog.Default by default
}

// Limits bound what a node takes on. What is zero gets its default.
type Limits struct {
	Calls         int   // in flight at this node, those that wait for a lock among them: 100,000
	StreamCalls   int   // in flight on one Connect stream: 20,000
	SnapshotBytes int   // of log, about, between two snapshots: 8 MiB
	SegmentBytes  int64 // of one file of the log: wal.DefaultSegmentSize
}

// withDefaults fills in what is left out.
func (c Config) withDefaults() Config {
	set(&c.PeerAddress, c.Members[c.Member])
	set(&c.ElectionTimeout, 300*time.Millisecond)
	set(&c.Heartbeat, min(50*time.Millisecond, c.ElectionTimeout/3))
	set(&c.ScrubInterval, time.Hour)
	set(&c.Limits.Calls, 100_000)
	set(&c.Limits.StreamCalls, 20_000)
	set(&c.Limits.SnapshotBytes, 8<<20)
	set(&c.Limits.SegmentBytes, wal.DefaultSegmentSize)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func set[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// validate names what can't work before anything is opened.
func (c *Config) validate() error {
	switch {
	case c.Member == 0:
		return errors.New("the member's number is missing: zero is no member")
	case len(c.Members) == 0:
		return errors.New("the list of members is empty")
	case len(c.Members) > wal.MaxMembers:
		return fmt.Errorf("%d members are too many: the most is %d", len(c.Members), wal.MaxMembers)
	case c.Members[0] != "":
		return errors.New("zero is no member")
	case c.Directory == "" && c.Files == nil:
		return errors.New("the data directory is missing")
	case c.ElectionTimeout < 0 || c.Heartbeat < 0 || 3*c.Heartbeat > c.ElectionTimeout:
		return fmt.Errorf("a heartbeat of %v is more than a third of the election timeout of %v", c.Heartbeat, c.ElectionTimeout)
	case c.ScrubInterval < 0:
		return fmt.Errorf("a scrub interval of %v is negative", c.ScrubInterval)
	case c.Limits.Calls < 0 || c.Limits.StreamCalls < 0 || c.Limits.SnapshotBytes < 0 || c.Limits.SegmentBytes < 0:
		return errors.New("a limit is negative")
	}
	if _, listed := c.Members[c.Member]; !listed {
		return fmt.Errorf("member %d is not in its own list of members, which are %s", c.Member, names(c.ids()))
	}
	return errors.Join(c.validateMembers(), c.validateAddresses())
}

func (c *Config) validateMembers() error {
	at := map[string]raft.ID{}
	for _, id := range c.ids() {
		address := c.Members[id]
		if err := validateAddress(fmt.Sprintf("member %d", id), address); err != nil {
			return err
		}
		if other, taken := at[address]; taken {
			return fmt.Errorf("members %d and %d have the same address %s", other, id, address)
		}
		at[address] = id
	}
	return nil
}

func (c *Config) validateAddresses() error {
	var errs []error
	for _, a := range []struct{ name, address string }{
		{"peer-address", c.PeerAddress}, {"client-address", c.ClientAddress}, {"http-address", c.HTTPAddress},
		{"advertise-client", c.AdvertiseClient}, {"advertise-http", c.AdvertiseHTTP},
	} {
		if a.address != "" {
			errs = append(errs, validateAddress(a.name, a.address))
		}
	}
	if c.ClientAddress == "" {
		errs = append(errs, errors.New("client-address is missing"))
	}
	return errors.Join(errs...)
}

func validateAddress(name, address string) error {
	if len(address) > wire.MaxAddress {
		return fmt.Errorf("%s: an address of %d bytes is too long", name, len(address))
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s: %q is not an address of the form host:port: %w", name, address, err)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return fmt.Errorf("%s: %q has no port: %q is none", name, address, port)
	}
	return nil
}

func (c *Config) ids() []raft.ID { return slices.Sorted(maps.Keys(c.Members)) }

// ParseMembers reads a list of members and their peer addresses, such as "1=10.0.0.1:7401,2=10.0.0.2:7401".
func ParseMembers(list string) (map[raft.ID]string, error) {
	members := map[raft.ID]string{}
	for item := range strings.SplitSeq(list, ",") {
		number, address, found := strings.Cut(strings.TrimSpace(item), "=")
		id, err := strconv.ParseUint(number, 10, 64)
		if !found || err != nil || id == 0 {
			return nil, fmt.Errorf("%q is not a member of the form number=host:port", item)
		}
		if other, taken := members[raft.ID(id)]; taken {
			return nil, fmt.Errorf("two members have the number %d: %s and %s", id, other, address)
		}
		members[raft.ID(id)] = address
	}
	return members, nil
}

// Bounds of consensus. They need no turning: each is far above what a lock service has in flight, and far
// below what would hurt.
func (c *Config) raft(incarnation uint64) raft.Config {
	return raft.Config{
		ID: c.Member, Incarnation: incarnation, ElectionTimeout: c.ElectionTimeout, Heartbeat: c.Heartbeat, Drift: drift, Random: rand.NewPCG(mint(), mint()),
		MaxAppendBytes: 1 << 20, MaxInflight: 256, MaxInflightBytes: 8 << 20, MinInflightBytes: 64 << 10,
		MaxUncommittedBytes: 16 << 20, ChunkBytes: 256 << 10, ChunkPause: 4 * time.Millisecond, KeepBytes: 8 << 20,
	}
}

// drift is by how much the rate of a member's clock may be off, in parts in a million, for reads by lease to be true: as clients assume it.
const drift = 1000

// clockInterval is how often an idle leader writes the time into the log. It is no more than the shortest TTL, so that
// a leader which changes again and again still gets to end a dead session.
const clockInterval = min(time.Second, lockfsm.MinTTL)
