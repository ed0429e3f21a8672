package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const historyHeader = `{"history":"lock-history","version":1,"drift_ppm":0,"slack_ns":0}
`

const oneGrant = historyHeader + `{"event":"call","operation":1,"at_ns":0,"client":1,"kind":"acquire","lock":"a"}
{"event":"return","operation":1,"at_ns":1,"outcome":"done","token":1}
`

const twoGrants = oneGrant + `{"event":"call","operation":2,"at_ns":2,"client":2,"kind":"acquire","lock":"a"}
{"event":"return","operation":2,"at_ns":3,"outcome":"done","token":2}
`

// check judges texts as files, and returns what is printed and the exit code.
func check(t *testing.T, texts ...string) (string, int) {
	var files []string
	for i, text := range texts {
		file := filepath.Join(t.TempDir(), string(rune('a'+i)))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		files = append(files, file)
	}
	var out bytes.Buffer
	command := checkCommand()
	command.SilenceErrors, command.SilenceUsage = true, true
	command.SetArgs(files)
	command.SetOut(&out)
	command.SetErr(&out)
	err := command.Execute()
	var code exit
	switch {
	case err == nil:
		return out.String(), exitPass
	case errors.As(err, &code):
		return out.String(), int(code)
	}
	return err.Error(), exitUsage
}

func TestCheckPassesAndConvicts(t *testing.T) {
	out, code := check(t, oneGrant)
	require.Equal(t, exitPass, code)
	require.Contains(t, out, "pass: 1 operations, 1 locks, 1 grants")

	out, code = check(t, twoGrants)
	require.Equal(t, exitUnsafe, code)
	require.Contains(t, out, "token-sweep: lock \"a\"")
	require.Contains(t, out, "client 2's Acquire (events 3 to 4) was granted token 2, but client 1's Acquire (events 1 to 2) was granted token 1")
}

// What shows nothing is no pass, and what is broken is worse, wherever it stands.
func TestCheckGivesTheWorst(t *testing.T) {
	out, code := check(t, historyHeader)
	require.Equal(t, exitUnknown, code)
	require.Contains(t, out, "vacuous")
	_, code = check(t, oneGrant, historyHeader, oneGrant)
	require.Equal(t, exitUnknown, code)
	_, code = check(t, twoGrants, historyHeader, oneGrant)
	require.Equal(t, exitUnsafe, code)
	_, code = check(t, historyHeader, twoGrants)
	require.Equal(t, exitUnsafe, code)
}

// A file that can't be read is told, and hides nothing: neither what was found before it nor what is found behind it.
func TestCheckReadsOn(t *testing.T) {
	for _, order := range [][]string{{twoGrants, "nonsense"}, {"nonsense", twoGrants}} {
		out, code := check(t, order...)
		require.Equal(t, exitUnsafe, code)
		require.Contains(t, out, "token-sweep: lock \"a\"")
		require.Contains(t, out, "line 1")
	}
	_, code := check(t, "nonsense", oneGrant)
	require.Equal(t, exitUsage, code)
	_, code = check(t, historyHeader, "nonsense")
	require.Equal(t, exitUsage, code)
}

func TestCheckIsCalledWrongly(t *testing.T) {
	_, code := check(t)
	require.Equal(t, exitUsage, code)
	out, code := check(t, oneGrant+"nonsense")
	require.Equal(t, exitUsage, code)
	require.Contains(t, out, "line 4")
}

// The example in the documentation is what it says.
func TestCheckReadsTheDocumentedExample(t *testing.T) {
	page, err := os.ReadFile("../../docs/history.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "```json\n")
	require.True(t, found)
	example, _, _ := strings.Cut(rest, "```")
	out, code := check(t, example)
	require.Equal(t, exitPass, code, out)
	require.Contains(t, out, "4 operations, 1 locks, 1 grants")
}
