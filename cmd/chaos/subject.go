package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"lockd/cluster"
	"lockd/schedule"
	"lockd/sim"
)

// subject is the one world that a command is about: a seed's, or that of a schedule file.
type subject struct {
	shape
	seed uint64
}

func (s *subject) flags(command *cobra.Command) {
	command.Flags().Uint64Var(&s.seed, "seed", 0, "which world; 0x... is hexadecimal")
	s.shape.flags(command.Flags())
}

// world reads which world is meant. A file says all there is to say, so it goes with none of the flags.
func (s *subject) world(command *cobra.Command, files []string) (sim.Config, error) {
	if len(files) == 0 {
		if !command.Flags().Changed("seed") {
			return sim.Config{}, fmt.Errorf("%s needs --seed, or a schedule file", command.Name())
		}
		return s.shape.world(s.seed)
	}
	for _, name := range []string{"seed", "profile", "nodes", "clients", "duration", "judge"} {
		if command.Flags().Changed(name) {
			return sim.Config{}, fmt.Errorf("--%s goes with a seed; edit the file instead", name)
		}
	}
	return fileWorld(files[0])
}

// fileWorld is the world of a schedule file.
func fileWorld(name string) (sim.Config, error) {
	file, err := os.Open(name)
	if err != nil {
		return sim.Config{}, err
	}
	defer file.Close()
	s, err := schedule.Read(file)
	if err != nil {
		return sim.Config{}, fmt.Errorf("%s: %w", name, err)
	}
	if s.Profile == cluster.Profile {
		return sim.Config{}, fmt.Errorf("%s has faults for real processes: chaos cluster --schedule %s carries them out (a simulated world can have them when the file names one of its profiles, such as %q)",
			name, name, sim.Default)
	}
	if _, err := profileNamed(s.Profile); err != nil {
		return sim.Config{}, fmt.Errorf("%s: %w", name, err)
	}
	return scheduled(s), nil
}

// scheduled is the world that has the faults of a schedule, and no others.
func scheduled(s schedule.Schedule) sim.Config {
	return sim.Config{
		Seed: s.Seed, Profile: s.Profile, Members: s.Nodes, Clients: s.Clients, Duration: time.Duration(s.Duration), Schedule: &s,
	}
}

// heard is the same world with one judge alone.
func heard(world sim.Config, judge sim.Oracle) sim.Config {
	world.Judge = judge
	return world
}

// recorded is the schedule of a run that was told to Record.
func recorded(world sim.Config, r sim.Report) schedule.Schedule {
	return schedule.Schedule{
		Seed: world.Seed, Profile: world.Profile, Nodes: world.Members, Clients: world.Clients,
		Duration: schedule.Duration(world.Duration), Oracle: string(r.Oracle), Faults: r.Strikes,
	}
}

func writeSchedule(name string, s schedule.Schedule) error {
	var content bytes.Buffer
	if err := s.Write(&content); err != nil {
		return err
	}
	return writeFile(name, content.Bytes())
}
