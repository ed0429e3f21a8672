package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"lockd/schedule"
	"lockd/sim"
)

// shape is which world a seed brings to life. What is zero is as the profile has it.
type shape struct {
	profile        string
	nodes, clients int
	duration       time.Duration
	judge          string
}

func (s *shape) flags(flags *pflag.FlagSet) {
	flags.StringVar(&s.profile, "profile", sim.Profiles()[0].Name, "the sort of world: chaos profiles lists them")
	flags.IntVar(&s.nodes, "nodes", 0, "servers, 1 to 9 (default: the profile's)")
	s.sizeFlags(flags)
}

func (s *shape) sizeFlags(flags *pflag.FlagSet) {
	flags.IntVar(&s.clients, "clients", 0, "clients, 1 to 1000 (default: the profile's)")
	flags.StringVar(&s.judge, "judge", "", "hear this judge alone, beside the product's own assertions (default: all)")
	flags.DurationVar(&s.duration, "duration", 0, "simulated time with faults, up to an hour (default: the profile's)")
}

// world returns the configuration of a seed's world, or what is wrong with the shape.
func (s shape) world(seed uint64) (sim.Config, error) {
	profile, err := profileNamed(s.profile)
	if err != nil {
		return sim.Config{}, err
	}
	world := sim.Config{Seed: seed, Profile: profile.Name, Members: profile.Members, Clients: profile.Clients, Duration: profile.Duration}
	world.Judge = sim.Oracle(s.judge)
	if s.nodes != 0 {
		world.Members = s.nodes
	}
	if s.clients != 0 {
		world.Clients = s.clients
	}
	if s.duration != 0 {
		world.Duration = s.duration
	}
	switch {
	case world.Judge != "" && !slices.Contains(sim.Judges, world.Judge):
		return world, fmt.Errorf("there is no judge %q, only %v", world.Judge, sim.Judges)
	case world.Members < 1 || world.Members > schedule.MaxNodes:
		return world, fmt.Errorf("--nodes is 1 to %d, not %d", schedule.MaxNodes, world.Members)
	case world.Clients < 1 || world.Clients > schedule.MaxClients:
		return world, fmt.Errorf("--clients is 1 to %d, not %d", schedule.MaxClients, world.Clients)
	case world.Duration <= 0 || world.Duration > time.Duration(schedule.MaxDuration):
		return world, fmt.Errorf("--duration is up to %v, not %v", time.Duration(schedule.MaxDuration), world.Duration)
	}
	return world, nil
}

func profileNamed(name string) (sim.Profile, error) {
	var names []string
	for _, p := range sim.Profiles() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return sim.Profile{}, fmt.Errorf("there is no profile %q, only %s", name, strings.Join(names, ", "))
}

// worldFlags are the flags that name this world, whatever command they are given to.
func worldFlags(c sim.Config) string {
	return fmt.Sprintf("--seed %d %s", c.Seed, shapeFlags(c))
}

func shapeFlags(c sim.Config) string {
	line := fmt.Sprintf("--profile %s --nodes %d --clients %d --duration %v", c.Profile, c.Members, c.Clients, c.Duration)
	if c.Judge != "" {
		line += " --judge " + string(c.Judge)
	}
	return line
}

// replayLine is what to type to see a world again.
func replayLine(c sim.Config) string {
	return "go run ./cmd/chaos replay " + worldFlags(c) + " --trace"
}
