package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"lockd/schedule"
)

// resultFiles are the files that a campaign writes. A dash is standard output.
type resultFiles struct{ json, junit string }

func (f *resultFiles) flags(flags *pflag.FlagSet) {
	flags.StringVar(&f.json, "json", "", "write the summary to this file as JSON; - is standard output")
	flags.StringVar(&f.junit, "junit", "", "write the failures to this file as JUnit XML; - is standard output")
}

// output is where people read the summary: not between what a program reads.
func (f resultFiles) output() *os.File {
	if f.json == "-" || f.junit == "-" {
		return os.Stderr
	}
	return os.Stdout
}

func (f resultFiles) write(r result) error {
	for _, file := range []struct {
		name  string
		write func(result, io.Writer) error
	}{{f.json, result.writeJSON}, {f.junit, result.writeJUnit}} {
		if file.name == "" {
			continue
		}
		var content bytes.Buffer
		if err := file.write(r, &content); err != nil {
			return fmt.Errorf("writing %s: %w", file.name, err)
		}
		if err := writeFile(file.name, content.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(name string, content []byte) error {
	if name == "-" {
		_, err := os.Stdout.Write(content)
		return err
	}
	return os.WriteFile(name, content, 0o644)
}

// summary is the JSON of a campaign. Scripts read it: names stay, and are only added to.
type summary struct {
	Seeds      uint64            `json:"seeds"`
	Passed     uint64            `json:"passed"`
	Failed     []failure         `json:"failed"`
	Twice      uint64            `json:"run_twice"`
	Sim        float64           `json:"sim_seconds"`
	CPU        float64           `json:"cpu_seconds"`
	Wall       float64           `json:"wall_seconds"`
	Events     uint64            `json:"events"`
	Operations uint64            `json:"operations"`
	Grants     uint64            `json:"grants"`
	Releases   uint64            `json:"releases"`
	Contended  uint64            `json:"contended"`
	Faults     map[string]count  `json:"faults"`
	Probes     map[string]uint64 `json:"probes"`
	Hash       string            `json:"hash"`
	Code       int               `json:"exit_code"`
}

type count struct {
	Injected uint64 `json:"injected"`
	Observed uint64 `json:"observed"`
}

func (r result) writeJSON(out io.Writer) error {
	faults := map[string]count{}
	for f, n := range r.faults {
		faults[schedule.Fault(f).String()] = count(n)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(summary{
		Seeds: r.seeds, Passed: r.passed, Failed: append([]failure{}, r.failures...), Twice: r.again,
		Sim: r.simulated.Seconds(), CPU: r.cpu.Seconds(), Wall: r.wall.Seconds(), Events: r.events, Operations: r.operations,
		Grants: r.grants, Releases: r.releases, Contended: r.contended, Faults: faults, Probes: r.probes,
		Hash: fmt.Sprintf("%016x", r.hash), Code: r.code(),
	})
}
