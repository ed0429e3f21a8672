package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/daemon"
	"lockd/raft"
)

// A machine is replaced as the help says.
func TestAMemberIsReplacedByCommands(t *testing.T) {
	t.Parallel()
	nodes, err := startAnywhere(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, awaitReady(nodes))
	peers, endpoints := map[raft.ID]string{}, []string{}
	for i, node := range nodes {
		peers[raft.ID(i+1)] = node.PeerAddress()
		endpoints = append(endpoints, node.ClientAddress())
	}
	at := func(arguments ...string) outcome {
		return lockd(nil, append(arguments, "--endpoints", strings.Join(endpoints, ","))...)
	}
	require.NoError(t, stopAll(nodes[2:]))

	peers[4] = freePort(t)
	newcomer, err := daemon.Start(daemon.Config{
		Member: 4, Members: peers, Join: true, Directory: filepath.Join(t.TempDir(), "4"), ClientAddress: "127.0.0.1:0",
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, stopAll(append(nodes[:2:2], newcomer))) }()
	incarnation := fmt.Sprintf("%016x", newcomer.Incarnation())
	added := at("member", "add", "4="+peers[4], "--incarnation", incarnation)
	require.Zero(t, added.code, added.errors)
	require.Equal(t, "voters: [1 2 3], learners: [4]\n", added.out)
	states := func() map[string]string {
		var found struct {
			Members []struct{ Member, State string }
		}
		listed := at("member", "list", "--output", "json")
		if listed.code == 0 { // else nobody leads at the moment
			require.NoError(t, json.Unmarshal([]byte(listed.out), &found))
		}
		states := map[string]string{}
		for _, m := range found.Members {
			states[m.Member] = m.State
		}
		return states
	}
	require.Eventually(t, func() bool { return states()["4"] == "voter" }, 20*time.Second, 20*time.Millisecond)
	again := at("member", "add", "4="+peers[4], "--incarnation", incarnation)
	require.Equal(t, exitUsage, again.code, again.errors)
	require.Contains(t, again.errors, "belongs to the cluster already")

	removed := at("member", "remove", "3", "--output", "json")
	require.Zero(t, removed.code, removed.errors)
	require.JSONEq(t, `{"voters": ["1", "2", "4"], "learners": []}`, removed.out)
	require.NotContains(t, states(), "3")
	require.Contains(t, at("member", "list").out, peers[4])
}

func TestMemberCommandsRefuseNonsense(t *testing.T) {
	t.Parallel()
	for says, arguments := range map[string][]string{
		`"4" is not of the form ID=HOST:PORT`:          {"add", "4"},
		`"0=a:1" is not of the form`:                   {"add", "0=a:1"},
		`"here" is not of the form host:port`:          {"add", "4=here"},
		`--incarnation "" is no hexadecimal number`:    {"add", "4=a:1"},
		`--incarnation "0" is no hexadecimal number`:   {"add", "4=a:1", "--incarnation", "0"},
		`ID: "four" is no number`:                      {"remove", "four"},
		`there is no command "ad" (did you mean add?)`: {"ad"},
	} {
		got := lockd(nil, append([]string{"member"}, arguments...)...)
		require.Equal(t, exitUsage, got.code, got.errors)
		require.Contains(t, got.errors, says, "%v", arguments)
	}
}
