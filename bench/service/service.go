package service

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// TTL is how long a session lasts without a word, in every service.
const TTL = 10 * time.Second

// Timing is how soon a leader is missed. Zero: as the service has it by default.
type Timing struct{ Heartbeat, Election time.Duration }

// System is a lock service that can be run here.
type System struct {
	Name    string
	Version string
	// Servers is how many processes it runs as.
	Servers int
	// Settings say what it runs with.
	Settings string
	// Choices say, in a sentence each, what was chosen where there was a choice, and why.
	Choices []string
	// Missing says what is not installed and the command that installs it. Empty: nothing.
	Missing string
	// Tunes says that it can be told a Timing.
	Tunes bool

	// Open opens sessions, over connections as the service recommends.
	Open func(ctx context.Context, c *Cluster, sessions int) (*Crew, error)

	launch func(*Cluster, Timing) error
	role   func(ctx context.Context, c *Cluster, server int) role
}

// role is what a server says that it is.
type role int

const (
	absent role = iota // it says nothing, or knows of no leader
	follows
	leads
)

// Session is what one client of the service has.
type Session interface {
	// Mutex is a lock as this session sees it.
	Mutex(name string) Mutex
	// Close ends the session at the servers.
	Close(ctx context.Context) error
}

// Mutex is held by one session at a time. An error of Lock, that of ctx too, means that it is not held.
type Mutex interface {
	Lock(ctx context.Context) error
	Unlock(ctx context.Context) error
}

// Crew is a number of sessions that share connections as the service recommends.
type Crew struct {
	Sessions []Session
	hangUp   func()
}

// farewell bounds how long sessions may take to be closed.
const farewell = 10 * time.Second

// NewCrew is made of sessions, and of what closes their connections.
func NewCrew(sessions []Session, hangUp func()) *Crew { return &Crew{sessions, hangUp} }

// HangUp closes the sessions, so that they burden nobody who is measured later, and then the connections.
func (c *Crew) HangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	closeAll(ctx, c.Sessions)
	c.hangUp()
}

// Leave closes the connections and nothing else: what the sessions hold stays with the servers until its time is over.
func (c *Crew) Leave() { c.hangUp() }

// Cluster is a service that runs.
type Cluster struct {
	System    *System
	Processes []*Process
	endpoints []string // where clients are served, one for each process
	web       []string // where metrics are, one for each process; nil: nowhere
	folder    string
}

// Start runs a service with its data below folder, and waits until it grants a lock.
func (s *System) Start(ctx context.Context, folder string, timing Timing) (*Cluster, error) {
	c := &Cluster{System: s, folder: folder}
	if err := s.launch(c, timing); err != nil {
		c.Stop()
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	if err := errors.Join(c.AwaitGrant(ctx), c.AwaitAll(ctx)); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// Connect opens sessions.
func (c *Cluster) Connect(ctx context.Context, sessions int) (*Crew, error) {
	crew, err := c.System.Open(ctx, c, sessions)
	if err != nil {
		return nil, fmt.Errorf("%s: connecting %d sessions: %w", c.System.Name, sessions, err)
	}
	return crew, nil
}

// Leader is the process that leads at the moment.
func (c *Cluster) Leader(ctx context.Context) (leader *Process, err error) {
	found := func() bool {
		at := slices.Index(c.roles(ctx), leads)
		if at >= 0 {
			leader = c.Processes[at]
		}
		return at >= 0
	}
	return leader, c.await(ctx, "nobody leads", found)
}

// AwaitAll waits until every server takes part.
func (c *Cluster) AwaitAll(ctx context.Context) error {
	return c.await(ctx, "not every server takes part", func() bool { return !slices.Contains(c.roles(ctx), absent) })
}

func (c *Cluster) roles(ctx context.Context) []role {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	roles := make([]role, len(c.Processes))
	for i, p := range c.Processes {
		if p.Running() {
			roles[i] = c.System.role(ctx, c, i)
		}
	}
	return roles
}

func (c *Cluster) await(ctx context.Context, otherwise string, condition func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for !condition() {
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %s: %w", c.System.Name, otherwise, ctx.Err())
		}
		pause(ctx, 20*time.Millisecond)
	}
	return nil
}

// CPU is the processor time, user and system, that all server processes have taken so far.
func (c *Cluster) CPU() (time.Duration, error) {
	var total time.Duration
	for _, p := range c.Processes {
		taken, err := p.CPU()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", c.System.Name, err)
		}
		total += taken
	}
	return total, nil
}

// Stop kills every process.
func (c *Cluster) Stop() {
	for _, p := range c.Processes {
		p.Kill()
	}
}

// startPatience bounds how long servers may take until they grant a lock.
const startPatience = 40 * time.Second

// AwaitGrant waits until a lock is granted and given back.
func (c *Cluster) AwaitGrant(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := c.tryGrant(ctx)
		if err == nil {
			return nil
		}
		for _, p := range c.Processes {
			if !p.Running() {
				return fmt.Errorf("%s: a server ended: %s", c.System.Name, p.LastWords())
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s grants nothing: %w", c.System.Name, err)
		}
		pause(ctx, 20*time.Millisecond)
	}
}

func (c *Cluster) tryGrant(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	crew, err := c.Connect(ctx, 1)
	if err != nil {
		return err
	}
	defer crew.HangUp()
	mutex := crew.Sessions[0].Mutex("is-anybody-there")
	if err := mutex.Lock(ctx); err != nil {
		return err
	}
	return mutex.Unlock(ctx)
}

// run starts one more process of the cluster. Its data is below the folder that it is given.
func (c *Cluster) run(name string, arguments func(data string) (command []string, err error)) error {
	data := filepath.Join(c.folder, name)
	command, err := arguments(data)
	if err != nil {
		return err
	}
	process, err := newProcess(command, data+".log")
	if err != nil {
		return err
	}
	process.Data = data
	c.Processes = append(c.Processes, process)
	return process.Start()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
