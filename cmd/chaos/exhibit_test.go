package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/sim/exhibits"
)

// exhibit runs the command, and returns what it prints.
func exhibit(arguments ...string) (string, error) {
	var out bytes.Buffer
	command := exhibitCommand()
	command.SetArgs(arguments)
	command.SetOut(&out)
	command.SilenceErrors, command.SilenceUsage = true, true
	err := command.Execute()
	return out.String(), err
}

func TestExhibitsAreListed(t *testing.T) {
	list, err := exhibit()
	require.NoError(t, err)
	require.Equal(t, len(exhibits.All()), strings.Count(list, "\n"))
	for _, e := range exhibits.All() {
		require.Contains(t, list, e.Name+"  ")
	}
}

// Each exhibit tells both stories, ends well, and fits a terminal.
func TestExhibitsAreTold(t *testing.T) {
	for _, e := range exhibits.All() {
		told, err := exhibit(e.Name)
		require.NoError(t, err)
		require.Contains(t, told, string(e.Harm)+": ")
		require.Contains(t, told, "lockd: pass. ")
		require.Contains(t, told, "The lesson: ")
		require.Equal(t, e.Mends, strings.Contains(told, "mended"))
		for line := range strings.Lines(told) {
			require.LessOrEqual(t, len(line), width+1, line)
		}
	}
}

// An exhibit that does not break as told is a failure of the exhibit.
func TestExhibitThatDoesNotBreak(t *testing.T) {
	harmless := exhibits.All()[0]
	harmless.Harm = exhibits.BlockedForEver
	var broken harnessError
	require.ErrorAs(t, show(&bytes.Buffer{}, harmless), &broken)
}

func TestUnknownExhibit(t *testing.T) {
	_, err := exhibit("no-such-design")
	require.ErrorContains(t, err, "no-such-design")
}
