package main

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var lunch = menu{subjects: []string{"lockd", "ZooKeeper"}, workloads: []string{"own", "queue"}}

func TestWithoutOptionsEverythingIsMeasured(t *testing.T) {
	o, err := parse("locks", lunch, nil)
	require.NoError(t, err)
	require.Equal(t, 3, o.rounds)
	require.Equal(t, 3*time.Second, o.duration)
	require.True(t, o.subjects.has("ZooKeeper"))
	require.True(t, o.workloads.has("queue"))
	require.Equal(t, "go run . locks", o.command)
}

func TestSomeAreChosenByTheirNames(t *testing.T) {
	o, err := parse("locks", lunch, []string{"--only", "zookeeper", "--workloads", "queue,own", "--rounds", "1", "--json", "x.json"})
	require.NoError(t, err)
	require.True(t, o.subjects.has("ZooKeeper"), "however it is spelled")
	require.False(t, o.subjects.has("lockd"))
	require.True(t, o.workloads.has("own"))
	require.Equal(t, "x.json", o.json)
	require.Equal(t, "go run . locks --only zookeeper --rounds 1 --workloads queue,own", o.command,
		"where the figures are kept has no bearing on them")
}

func TestWithOneSubjectOnlyMeansWorkloads(t *testing.T) {
	o, err := parse("growth", menu{workloads: []string{"clients", "locks"}}, []string{"--only", "locks", "--most", "1000"})
	require.NoError(t, err)
	require.True(t, o.workloads.has("locks"))
	require.False(t, o.workloads.has("clients"))
	require.Equal(t, []int{1, 1000}, upTo(o.most, []int{1, 1000, 1001}))
}

func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	for wanted, arguments := range map[string][]string{
		`there is no "etdc": there are lockd, ZooKeeper`: {"--only", "lockd,etdc"},
		`there is no "ours": there are own, queue`:       {"--workloads", "ours"},
		`nothing is known about ["queue"]`:               {"queue"},
		`--rounds 0: nothing would be measured`:          {"--rounds", "0"},
		`--time 0s: nothing would be measured`:           {"--time", "0"},
	} {
		_, err := parse("locks", lunch, arguments)
		require.ErrorContains(t, err, wanted)
	}
	_, err := parse("locks", lunch, []string{"--help"})
	require.ErrorIs(t, err, flag.ErrHelp)
}

func TestEveryCommandIsNamedWhenNoneIsGiven(t *testing.T) {
	for _, arguments := range [][]string{nil, {"lock"}} {
		require.EqualError(t, run(t.Context(), arguments), "usage: bench locks | raft | growth | document (see --help of each)")
	}
	require.ErrorContains(t, run(t.Context(), []string{"document"}), "name the files that --json has written")
}

func TestDataInMemoryIsRefused(t *testing.T) {
	o := &options{scratch: "/dev/shm"}
	_, _, err := o.folder()
	require.ErrorContains(t, err, "/dev/shm")
}
