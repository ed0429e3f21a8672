package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// hunt is one `chaos mutants`.
type hunt struct {
	folder, only string
	from         uint64
	budget       time.Duration
}

func mutantsCommand() *cobra.Command {
	var h hunt
	command := &cobra.Command{
		Use:   "mutants",
		Short: "Put known bugs into the service, one at a time, and show that they are found",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return h.run() },
	}
	flags := command.Flags()
	flags.StringVar(&h.folder, "dir", "mutants", "folder with the patches")
	flags.StringVar(&h.only, "only", "", "only the patch of this name")
	flags.Uint64Var(&h.from, "from", 1, "the first seed")
	flags.DurationVar(&h.budget, "cpu", time.Minute, "processor time for each")
	return command
}

// catch tells how a mutant was found, or that it was not.
type catch struct {
	mutant mutant
	caught bool
	oracle string
	seeds  uint64
	cpu    float64
	how    string
}

// stranger tells of a judge that fired first, and should not have: it found something else, or the patch does not do what it says.
func (c *catch) stranger() string {
	if c.oracle == "" {
		return ""
	}
	return fmt.Sprintf("(%s, expected %s)", c.oracle, strings.Join(c.mutant.oracles, " or "))
}

func (h *hunt) run() error {
	mutants, err := readMutants(h.folder, h.only)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "chaos-mutants-")
	if err != nil {
		return harnessError{err}
	}
	defer os.RemoveAll(scratch)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "mutant\tcaught by\tseeds\tCPU s\t")
	escaped := 0
	for _, m := range mutants {
		c, err := h.hunt(m, filepath.Join(scratch, m.name))
		if err != nil {
			return harnessError{fmt.Errorf("mutant %s: %w", m.name, err)}
		}
		if !c.caught {
			escaped++
			c.oracle = strings.TrimSpace("NOT CAUGHT " + c.stranger())
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%.1f\t\n", m.name, c.oracle, c.seeds, c.cpu)
		fmt.Fprintf(os.Stderr, "%s: %s after %d seeds and %.1f CPU s: %s\n", m.name, c.oracle, c.seeds, c.cpu, c.how)
	}
	table.Flush()
	if escaped > 0 {
		fmt.Printf("%d of %d mutants were not caught: the world has a hole\n", escaped, len(mutants))
		return exit(exitUnknown)
	}
	return nil
}

// hunt builds this program with the mutant in it, and lets it look for itself.
func (h *hunt) hunt(m mutant, scratch string) (catch, error) {
	root, err := moduleRoot()
	if err != nil {
		return catch{}, err
	}
	overlay, err := m.overlay(root, scratch)
	if err != nil {
		return catch{}, err
	}
	binary, result := filepath.Join(scratch, "chaos"), filepath.Join(scratch, "result.json")
	build := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./cmd/chaos")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return catch{}, fmt.Errorf("it does not build: %w\n%s", err, output)
	}
	search := exec.Command(binary, "run", "--stop", "--seeds", "1000000", "--from", fmt.Sprint(h.from),
		"--cpu", h.budget.String(), "--json", result)
	var ended *exec.ExitError
	if err := search.Run(); err != nil && !errors.As(err, &ended) {
		return catch{}, err
	}
	return m.verdict(result)
}

// overlay writes the mutated files, and the list with which the go command puts them over the real ones.
func (m mutant) overlay(root, scratch string) (string, error) {
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		return "", err
	}
	replace := map[string]string{}
	for i, file := range m.files {
		original := filepath.Join(root, file.path)
		content, err := os.ReadFile(original)
		if err != nil {
			return "", err
		}
		mutated, err := file.apply(string(content))
		if err != nil {
			return "", err
		}
		replace[original] = filepath.Join(scratch, fmt.Sprintf("%d-%s", i, filepath.Base(file.path)))
		if err := os.WriteFile(replace[original], []byte(mutated), 0o644); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(scratch, "overlay.json")
	return path, os.WriteFile(path, list, 0o644)
}

func (m mutant) verdict(result string) (catch, error) {
	content, err := os.ReadFile(result)
	if err != nil {
		return catch{}, err
	}
	var found struct {
		Seeds  uint64    `json:"seeds"`
		Failed []failure `json:"failed"`
		CPU    float64   `json:"cpu_seconds"`
	}
	if err := json.Unmarshal(content, &found); err != nil {
		return catch{}, err
	}
	c := catch{mutant: m, seeds: found.Seeds, cpu: found.CPU}
	if len(found.Failed) > 0 {
		first := found.Failed[0]
		c.caught = slices.Contains(m.oracles, first.Oracle)
		c.oracle, c.how = first.Oracle, strings.SplitN(first.Message, "\n", 2)[0]
	}
	return c, nil
}

func moduleRoot() (string, error) {
	file, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(file))), nil
}
