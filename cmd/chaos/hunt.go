package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// farApart is between two base seeds: no search gets from one to the next.
const farApart = 1_000_000_000

// hunt looks for one mutant, from several base seeds.
type hunt struct {
	mutant  mutant
	root    string
	scratch string
	from    uint64
	bases   int
	budget  time.Duration // of processor time, for each base
	shrink  bool
}

// run builds the mutated program, and lets it look for what is wrong with itself.
func (h hunt) run() prey {
	p := prey{mutant: h.mutant}
	defer os.RemoveAll(h.scratch)
	binary, err := h.mutant.build(h.root, h.scratch)
	if err != nil {
		p.err = err
		return p
	}
	for base := range h.bases {
		c, err := h.search(binary, h.from+uint64(base)*farApart)
		if err != nil {
			p.err = err
			return p
		}
		p.catches = append(p.catches, c)
	}
	p.sort()
	if found := p.median(); h.shrink && found.caught && found.world != "" {
		p.shrunk, p.err = h.smallest(binary, found)
	}
	return p
}

// search runs worlds one after the other until one fails, or the budget is spent; or it explores. What the mutant's patch asks for stands last, so
// it counts.
func (h hunt) search(binary string, from uint64) (catch, error) {
	result := filepath.Join(h.scratch, "result.json")
	arguments := []string{"run", "--stop", "--jobs", "1", "--seeds", "1000000", "--profile", "swarm", "--from", fmt.Sprint(from), "--cpu", h.budget.String(), "--json", result}
	if h.mutant.command == "explore" {
		arguments = []string{"explore", "--time-limit", h.budget.String(), "--json", result} // from every seed the same
	}
	if err := h.runMutated(binary, result, append(arguments, h.mutant.flags...)); err != nil {
		return catch{}, err
	}
	content, err := os.ReadFile(result)
	if err != nil {
		return catch{}, err
	}
	return h.mutant.judge(content)
}

// hangs is how much longer than its processor time a mutated program may take: a bug may also make a world stand still for ever.
const hangs = 10

// runMutated runs the mutated program, which writes a result. That it fails is what it is for, but it has to say so itself: what is left
// of an earlier run is no result.
func (h hunt) runMutated(binary, result string, arguments []string) error {
	if err := os.Remove(result); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), hangs*max(h.budget, shrinkTime))
	defer cancel()
	output, err := exec.CommandContext(ctx, binary, arguments...).CombinedOutput()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() != exitUsage && ended.ExitCode() > 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("chaos %s: %w\n%s", strings.Join(arguments, " "), err, output)
	}
	return nil
}

// judge reads what the mutated program has found.
func (m mutant) judge(content []byte) (catch, error) {
	var found summary
	if err := json.Unmarshal(content, &found); err != nil {
		return catch{}, err
	}
	c := catch{seeds: found.Seeds, cpu: found.CPU}
	if len(found.Failed) > 0 {
		first := found.Failed[0]
		c.caught = slices.Contains(m.oracles, first.Oracle)
		c.oracle, c.how, c.world = first.Oracle, strings.SplitN(first.Message, "\n", 2)[0], first.World
	}
	return c, nil
}

// shrinkCalls and shrinkTime bound the shrinking of a mutant's schedule, which is a figure in a table and nothing else.
const (
	shrinkCalls = 2000
	shrinkTime  = 8 * time.Second
)

// smallest lets the mutated program shrink the schedule with which it was found. None is no error: two runs may differ.
func (h hunt) smallest(binary string, found catch) (*shrunk, error) {
	result := filepath.Join(h.scratch, "shrunk.json")
	arguments := append([]string{"shrink"}, strings.Fields(found.world)...)
	arguments = append(arguments, "--calls", fmt.Sprint(shrinkCalls), "--cpu", shrinkTime.String(), "--json", result,
		"--output", filepath.Join(h.scratch, "schedule.json"))
	if err := h.runMutated(binary, result, arguments); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(result)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := new(shrunk)
	return s, json.Unmarshal(content, s)
}
