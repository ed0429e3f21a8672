package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func configuration(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lockd.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// served is what `lockd serve` would run with.
func served(t *testing.T, environment []string, arguments ...string) (*serving, error) {
	t.Helper()
	root := newRoot(environment)
	command, rest, err := root.Find(append([]string{"serve"}, arguments...))
	require.NoError(t, err)
	command.ResetFlags()
	s := newServing(command)
	command.RunE = func(*cobra.Command, []string) error { return nil }
	root.SetArgs(append([]string{"serve"}, rest...))
	return s, root.Execute()
}

func TestAFlagWinsOverAVariableAndThatOverTheFile(t *testing.T) {
	file := configuration(t, "peer-listen: file:1\nlisten: file:2\nhttp-listen: file:3\nelection-timeout: 2s\n")
	s, err := served(t, []string{"LOCKD_CONFIG=" + file, "LOCKD_PEER_LISTEN=variable:1", "LOCKD_LISTEN=variable:2"}, "--peer-listen", "flag:1")
	require.NoError(t, err)
	require.Equal(t, "flag:1", s.peerListen)
	require.Equal(t, "variable:2", s.listen)
	require.Equal(t, "file:3", s.httpListen)
	require.Equal(t, 2*time.Second, time.Duration(*s.electionTimeout))
	require.Equal(t, 50*time.Millisecond, time.Duration(*s.heartbeat), "the default")
}

func TestTheFlagConfigWinsOverItsVariable(t *testing.T) {
	s, err := served(t, []string{"LOCKD_CONFIG=/nowhere"}, "--config", configuration(t, "id: 3\ninsecure: true"))
	require.NoError(t, err)
	require.EqualValues(t, 3, s.id)
	require.True(t, s.insecure)
}

func TestAnEmptyVariableCountsAsNone(t *testing.T) {
	s, err := served(t, []string{"LOCKD_ID=", "LOCKD_CONFIG=", "LOCKD_UNHEARD_OF="})
	require.NoError(t, err)
	require.Zero(t, s.id)
}

func TestAListMayStandInTheFile(t *testing.T) {
	s, err := served(t, nil, "--config", configuration(t, "peers:\n  - 1=a:1\n  - 2=b:1\n"))
	require.NoError(t, err)
	require.Equal(t, "1=a:1,2=b:1", s.peers)
}

func TestSettingsOfOtherCommandsAreNoErrors(t *testing.T) {
	file := configuration(t, "endpoints: [a:1, b:1]\nttl: 9s")
	_, err := served(t, []string{"LOCKD_WAIT=3", "LOCKD_CONFIG=" + file, "LOCKD_TOKEN=7", "LOCKD_NAME=video/17"})
	require.NoError(t, err)
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		environment, arguments []string
		file                   string
		says                   string
	}{
		"unknown flag":     {arguments: []string{"--peer-listn", "x"}, says: "lockd serve has no flag --peer-listn (did you mean --peer-listen?)"},
		"unknown variable": {environment: []string{"LOCKD_PEER_LISTN=x"}, says: "the variable LOCKD_PEER_LISTN is not known to lockd (did you mean LOCKD_PEER_LISTEN?)"},
		"unknown key":      {file: "data: x\npeer-listn: x", says: `line 2: the key "peer-listn" is not known to lockd (did you mean peer-listen?)`},
		"key of the file":  {file: "config: x", says: `the key "config" is not known`},
		"key twice":        {file: "data: x\ndata: y", says: `"data" already defined at line 1`},
		"far variable":     {environment: []string{"LOCKD_NOSUCH=x"}, says: "the variable LOCKD_NOSUCH is not known to lockd\n"},
		"nested value":     {file: "peers: {1: a}", says: "line 1, peers: this is a map; write a plain value, or a list of them"},
		"member zero":      {arguments: []string{"--id", "0"}, says: "a member's number is a whole one, from 1 on"},
		"nested item":      {file: "peers: [[a]]", says: "item 1 is no plain value"},
		"no YAML":          {file: "\t{", says: "configuration "},
		"no file":          {arguments: []string{"--config", "/nowhere"}, says: "open /nowhere: no such file or directory"},
		"bad flag":         {arguments: []string{"--heartbeat", "soon"}, says: "a duration is a number of seconds, or has a unit, as in 1m30s"},
		"bad variable":     {environment: []string{"LOCKD_HEARTBEAT=soon"}, says: `LOCKD_HEARTBEAT: "soon" is no good value: a duration`},
		"bad key":          {file: "\nheartbeat: -1s", says: `line 2, heartbeat: "-1s" is no good value: a duration is not negative`},
		"minus one":        {environment: []string{"LOCKD_HEARTBEAT=-1"}, says: `"-1" is no good value: a duration is not negative`},
		"bad choice":       {environment: []string{"LOCKD_LOG_LEVEL=loud"}, says: `"loud" is no good value: it is one of debug, info, warn, error`},
		"argument":         {arguments: []string{"now"}, says: `lockd serve: "now" is one argument too many`},
	} {
		t.Run(name, func(t *testing.T) {
			arguments := append([]string{"serve"}, c.arguments...)
			if c.file != "" {
				arguments = append(arguments, "--config", configuration(t, c.file))
			}
			got := lockd(c.environment, arguments...)
			require.Equal(t, exitUsage, got.code)
			require.Empty(t, got.out)
			require.Contains(t, got.errors, "lockd: ")
			require.Contains(t, got.errors, c.says)
			require.Regexp(t, `^[^\n]*\n$`, got.errors, "one line")
		})
	}
}

func TestAnUnknownCommandIsNamedTogetherWithTheNearestOne(t *testing.T) {
	got := lockd(nil, "aquire", "x")
	require.Equal(t, exitUsage, got.code)
	require.Equal(t, "lockd: there is no command \"aquire\" (did you mean acquire?); lockd help lists them\n", got.errors)
	require.Contains(t, lockd(nil, "snapshot", "sav", "x").errors, "did you mean save?")
}

func TestNearest(t *testing.T) {
	names := []string{"listen", "peer-listen", "data"}
	for name, want := range map[string]string{"lisen": "listen", "peerlisten": "peer-listen", "dta": "data", "colour": ""} {
		closest, found := nearest(name, names)
		require.Equal(t, want, closest)
		require.Equal(t, want != "", found)
	}
	require.Equal(t, 3, distance("kitten", "sitting"))
	require.Equal(t, 4, distance("", "four"))
}
