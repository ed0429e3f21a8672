package main

import (
	"fmt"

	"lockd/sim"
)

// The exit codes. Scripts may rely on them.
const (
	exitPass             = 0
	exitUnsafe           = 1
	exitStuck            = 2
	exitNondeterministic = 3
	exitUnknown          = 4
	exitUsage            = 64
	exitHarness          = 70
)

const exitCodes = `Exit codes: 0 pass, 1 safety was violated, 2 no progress after the faults had stopped, 3 one seed gave two runs,
4 nothing can be concluded, 64 called wrongly, 70 the simulator itself failed. Of several, the first of 1, 3, 2, 70, 4 counts.`

// worst are the codes of failures, the one that matters most first. A harness that fell over in one world takes nothing back from
// what it saw in another one.
var worst = []int{exitUnsafe, exitNondeterministic, exitStuck, exitHarness, exitUnknown}

// exit is an error that ends the program with a code. What there was to say has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// harnessError is a failure of this program's own.
type harnessError struct{ error }

func (h harnessError) Unwrap() error { return h.error }

// verdictCode is the exit code for a run that ended so. A verdict that nobody knows is no pass.
func verdictCode(v sim.Verdict) int {
	switch v {
	case sim.Pass:
		return exitPass
	case sim.Unsafe:
		return exitUnsafe
	case sim.Stuck:
		return exitStuck
	case sim.Vacuous, sim.Unknown:
		return exitUnknown
	}
	return exitHarness
}
