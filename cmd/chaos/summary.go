package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"lockd/sim"
)

// enoughSeeds is from how many worlds on every fault must have been seen to make a difference: fewer may well lack one.
const enoughSeeds = 50

// summary adds outcomes up.
type summary struct {
	campaign  *campaign
	began     time.Time
	cpu       time.Duration
	seeds     uint64
	passed    uint64
	verdicts  [sim.Broken + 1]uint64
	differing uint64
	failures  []failure
	simulated time.Duration
	events    uint64
	grants    uint64
	faults    [sim.Faults]sim.Count
	hash      uint64 // of all runs together, whatever their order
}

// failure is a seed that did not pass. Its names are part of the JSON that scripts read.
type failure struct {
	Seed    uint64 `json:"seed"`
	Verdict string `json:"verdict"`
	Oracle  string `json:"oracle"`
	Message string `json:"message"`
	Command string `json:"command"`
}

func newSummary(c *campaign) *summary { return &summary{campaign: c, began: time.Now()} }

func (s *summary) add(o outcome) {
	s.seeds++
	s.simulated += o.Simulated
	if s.campaign.twice {
		s.simulated += o.Simulated
	}
	s.events += o.Events
	s.grants += o.Grants
	s.hash += o.Hash
	for f := range o.Faults {
		s.faults[f].Injected += o.Faults[f].Injected
		s.faults[f].Observed += o.Faults[f].Observed
	}
	s.verdicts[o.Verdict]++
	switch {
	case o.differs:
		s.differing++
		s.failures = append(s.failures, s.failure(o, "nondeterminism", "two runs of the seed differ"))
	case o.Verdict != sim.Pass:
		s.failures = append(s.failures, s.failure(o, string(o.Oracle), o.Message))
	default:
		s.passed++
	}
}

func (s *summary) failure(o outcome, oracle, message string) failure {
	c := s.campaign
	return failure{
		Seed: o.Seed, Verdict: o.Verdict.String(), Oracle: oracle, Message: message,
		Command: fmt.Sprintf("go run ./cmd/chaos replay --seed %d --nodes %d --clients %d --duration %v --trace", o.Seed, c.members, c.clients, c.duration),
	}
}

func (s *summary) close() { s.cpu = processorTime() }

// printFailure says what broke, and how to see it again.
func (s *summary) printFailure(out io.Writer, o outcome) {
	f := s.failures[len(s.failures)-1]
	fmt.Fprintf(out, "seed %d: %s: %s\n    %s\n", f.Seed, f.Oracle, f.Message, f.Command)
}

// unseen are the faults that never made a difference, although there were worlds enough.
func (s *summary) unseen() []sim.Fault {
	var unseen []sim.Fault
	for f := range sim.Faults {
		if s.seeds >= enoughSeeds && s.faults[f].Observed == 0 {
			unseen = append(unseen, f)
		}
	}
	return unseen
}

// code is the exit code: of what went wrong, the worst.
func (s *summary) code() int {
	switch {
	case s.verdicts[sim.Unsafe] > 0:
		return exitUnsafe
	case s.differing > 0:
		return exitNondeterministic
	case s.verdicts[sim.Stuck] > 0:
		return exitStuck
	case s.verdicts[sim.Broken] > 0:
		return exitHarness
	case s.verdicts[sim.Vacuous] > 0 || len(s.unseen()) > 0 || s.seeds == 0:
		return exitUnknown
	}
	return exitPass
}

func (s *summary) speed() float64 { return s.simulated.Seconds() / max(s.cpu.Seconds(), 0.001) }

func (s *summary) print(out io.Writer) {
	fmt.Fprintf(out, "%d seeds: %d passed, %d unsafe, %d stuck, %d nondeterministic, %d vacuous, %d broken\n", s.seeds, s.passed,
		s.verdicts[sim.Unsafe], s.verdicts[sim.Stuck], s.differing, s.verdicts[sim.Vacuous], s.verdicts[sim.Broken])
	fmt.Fprintf(out, "%.0f simulated seconds, %.1f CPU seconds: %.0f simulated seconds per CPU second\n", s.simulated.Seconds(), s.cpu.Seconds(), s.speed())
	fmt.Fprintf(out, "%d events, %d grants, hash %016x\n\n", s.events, s.grants, s.hash)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "fault\tinjected\tobserved\t")
	for f := range sim.Faults {
		fmt.Fprintf(table, "%v\t%d\t%d\t\n", f, s.faults[f].Injected, s.faults[f].Observed)
	}
	table.Flush()
	for _, f := range s.unseen() {
		fmt.Fprintf(out, "%v was never seen to make a difference: these runs say nothing about it\n", f)
	}
}

func (s *summary) writeJSON(name string) error {
	type count struct {
		Injected uint64 `json:"injected"`
		Observed uint64 `json:"observed"`
	}
	faults := map[string]count{}
	for f := range sim.Faults {
		faults[f.String()] = count{s.faults[f].Injected, s.faults[f].Observed}
	}
	content, err := json.MarshalIndent(struct {
		Seeds   uint64           `json:"seeds"`
		Passed  uint64           `json:"passed"`
		Failed  []failure        `json:"failed"`
		Sim     float64          `json:"sim_seconds"`
		CPU     float64          `json:"cpu_seconds"`
		Events  uint64           `json:"events"`
		Grants  uint64           `json:"grants"`
		Faults  map[string]count `json:"faults"`
		Hash    string           `json:"hash"`
		Verdict int              `json:"exit_code"`
	}{s.seeds, s.passed, s.failures, s.simulated.Seconds(), s.cpu.Seconds(), s.events, s.grants, faults, fmt.Sprintf("%016x", s.hash), s.code()}, "", "  ")
	if err != nil {
		return err
	}
	content = append(content, '\n')
	if name == "-" {
		_, err = os.Stdout.Write(content)
		return err
	}
	return os.WriteFile(name, content, 0o644)
}

// processorTime is what this process has used so far, on all processors.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// progress is a line on a terminal that says how far a campaign is.
type progress struct {
	total uint64
	shown bool
	next  time.Time
	live  bool
}

func newProgress(total uint64) *progress {
	return &progress{total: total, live: term.IsTerminal(int(os.Stderr.Fd()))}
}

func (p *progress) show(s *summary) {
	if now := time.Now(); p.live && now.After(p.next) {
		p.next, p.shown = now.Add(200*time.Millisecond), true
		elapsed := now.Sub(s.began)
		left := time.Duration(float64(elapsed) / float64(s.seeds) * float64(p.total-s.seeds)).Round(time.Second)
		fmt.Fprintf(os.Stderr, "\r\x1b[K%d of %d seeds, %.1f simulated hours, %.0f events/s, %d failures, %v left",
			s.seeds, p.total, s.simulated.Hours(), float64(s.events)/elapsed.Seconds(), len(s.failures), left)
	}
}

func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
		p.shown = false
	}
}
