package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

var suspect = mutant{name: "sketch", why: []string{"A | bug."}, oracles: []string{"assertion", "durability"}, files: []fileChange{{path: "raft/disk.go"}}}

// A mutant is caught by the judges that its patch names. Another one has found something else.
func TestOnlyTheNamedJudgesCatch(t *testing.T) {
	found := func(failed string) prey {
		c, err := suspect.judge([]byte(`{"seeds": 7, "cpu_seconds": 1.5, "failed": [` + failed + `]}`))
		require.NoError(t, err)
		require.EqualValues(t, 7, c.seeds)
		return prey{mutant: suspect, catches: []catch{c}}
	}
	require.Equal(t, "NOT CAUGHT", found("").judge())
	durable := found(`{"oracle": "durability", "message": "gone\nstack", "world": "--seed 3 --profile swarm"}`)
	require.True(t, durable.caught())
	require.Equal(t, "durability", durable.judge())
	require.Equal(t, "gone", durable.median().how)
	require.Equal(t, "--seed 3 --profile swarm", durable.median().world)
	stranger := found(`{"oracle": "harness"}`)
	require.False(t, stranger.caught())
	require.Equal(t, "NOT CAUGHT (harness, expected assertion or durability)", stranger.judge())
}

// The base seed in the middle decides: one that most of them miss is missed, however soon one of them found it.
func TestMedianDecides(t *testing.T) {
	found := func(costs ...float64) prey {
		h := prey{mutant: suspect}
		for _, cost := range costs {
			h.catches = append(h.catches, catch{caught: cost > 0, cpu: cost})
		}
		h.sort()
		return h
	}
	require.True(t, found(5, 0, 1).caught())
	require.InDelta(t, 5, found(5, 0, 1).median().cpu, 0)
	require.False(t, found(0, 0, 1).caught())
	require.False(t, found(1, 0).caught())
	require.InDelta(t, 3, found(9, 2, 3).median().cpu, 0)
}

// One that escapes is a hole in the world; one that can't be run says nothing, and is worse.
func TestMatrixConcludes(t *testing.T) {
	var out bytes.Buffer
	x := matrix{}
	caught := prey{mutant: suspect, catches: []catch{{caught: true, oracle: "durability"}}}
	escaped := prey{mutant: suspect, catches: []catch{{}}}
	failed := prey{mutant: suspect, err: errors.New("it does not build")}
	require.NoError(t, x.conclude(&out, []prey{caught, caught}))
	require.Empty(t, out.String())
	require.Equal(t, exit(exitUnknown), x.conclude(&out, []prey{caught, escaped}))
	require.Contains(t, out.String(), "1 of 2 mutants were not caught")
	var broken harnessError
	require.ErrorAs(t, x.conclude(&out, []prey{escaped, failed}), &broken)

	out.Reset()
	printPreys(&out, []prey{caught, escaped, failed})
	require.Regexp(t, `(?s)sketch +raft +durability.*sketch +raft +NOT CAUGHT.*sketch +raft +FAILED`, out.String())
}

// What all hunts together say: how many searches took longer than three medians, and how many schedules shrank to a tenth or to three.
func TestEvidenceIsGathered(t *testing.T) {
	search := func(cpu float64) catch { return catch{caught: cpu > 0, cpu: cpu} }
	steady := prey{mutant: suspect, catches: []catch{search(2), search(2), search(6)}, shrunk: &shrunk{Before: 500, After: 50}}
	lucky := prey{mutant: suspect, catches: []catch{search(1), search(1), search(0)}, shrunk: &shrunk{Before: 500, After: 51}}
	few := prey{mutant: suspect, catches: []catch{search(1), search(1), search(3.5)}, shrunk: &shrunk{Before: 4, After: 3}}
	escaped := prey{mutant: suspect, catches: []catch{search(0)}, shrunk: &shrunk{Before: 9, After: 9}}

	var out bytes.Buffer
	gather([]prey{steady, lucky, few, escaped, {mutant: suspect, err: errors.New("it does not build")}}).print(&out, 3)
	require.Equal(t, "2 of 9 searches took more than three times the median of their mutant, or were in vain\n"+
		"2 of 3 schedules were shrunk to a tenth of their faults, or to three; the median has 10.2 % left\n", out.String())

	out.Reset()
	gather([]prey{escaped}).print(&out, 3)
	gather([]prey{{mutant: suspect, catches: []catch{search(1)}}}).print(&out, 1)
	require.Empty(t, out.String())
}
