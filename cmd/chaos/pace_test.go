package main

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// hundred is a hunt for a hundred mutants with a published median of ten seeds, so many of which were late.
func hundred(late int) (table, []prey) {
	published, found := table{}, []prey{}
	for i := range 100 {
		m := suspect
		m.name = fmt.Sprint("mutant-", i)
		published[m.name] = row{seeds: 10}
		seeds := uint64(30)
		if i < late {
			seeds = 31
		}
		found = append(found, prey{mutant: m, catches: []catch{{caught: true, seeds: seeds}}})
	}
	return published, found
}

// A few that take long are chance; half of them are not.
func TestPaceIsJudgedOverAllMutants(t *testing.T) {
	var out bytes.Buffer
	published, found := hundred(33)
	var p pace
	p.measure(published, found)
	require.Equal(t, pace{searches: 100, late: 33}, p)
	require.NoError(t, p.conclude(&out))
	require.Equal(t, "33 of 100 searches took more than three times the published median of their mutant; by chance up to 33 do\n", out.String())

	p = pace{}
	p.measure(hundred(34))
	require.Equal(t, exit(exitUnknown), p.conclude(&out))
	require.Contains(t, out.String(), "find less")
}

// Who escaped was late; who is not published, not found by seeds, or could not be run has no pace.
func TestPaceCountsWhatWasPublished(t *testing.T) {
	named := func(name string, seeds uint64, caught bool) prey {
		m := suspect
		m.name = name
		return prey{mutant: m, catches: []catch{{caught: caught, seeds: seeds}}}
	}
	failed := named("failed", 0, false)
	failed.err = errors.New("it does not build")
	var p pace
	p.measure(table{"escaped": {seeds: 10}, "explored": {}, "failed": {seeds: 10}},
		[]prey{named("escaped", 5, false), named("explored", 0, true), named("new", 99, true), failed})
	require.Equal(t, pace{searches: 1, late: 1}, p)
}
