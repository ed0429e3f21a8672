package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func init() {
	forsakenOnes = append(forsakenOnes, forsaken{
		name: "lost/daemons", script: fmt.Sprintf(`setsid sh -c 'echo $$; (setsid sh -c '\''%s'\'' &); wait; trap "" TERM; sleep 60' & wait`, stubborn), numbers: 2,
	})
}

func TestKillingLockdKillsItsCommand(t *testing.T) {
	t.Parallel()
	p := start(t, "lock", "killed", "--", "sh", "-c", stubborn)
	command := p.number()
	p.signal(unix.SIGKILL)
	<-p.ended
	await(t, func() bool { return dead(command) })
}

// openTerminalPair is a terminal for a test: what is written to the keyboard can be read from the screen's side.
func openTerminalPair(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = keyboard.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	screen, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = screen.Close() })
	return keyboard, screen
}

// interactive runs a script under a lock at a terminal.
func interactive(t *testing.T, name, script string) (*process, *os.File) {
	t.Helper()
	keyboard, screen := openTerminalPair(t)
	p := prepare(t, "lock", name, "--endpoints", sharedCluster(t)[0]+","+sharedCluster(t)[1]+","+sharedCluster(t)[2], "--", "sh", "-c", script)
	p.command.Stdin = screen
	p.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	return p.run(), keyboard
}

func TestAnInteractiveCommandReadsFromTheTerminal(t *testing.T) {
	t.Parallel()
	p, keyboard := interactive(t, "terminal/read", `echo ready; read -r first; read -r second; echo got $first $second`)
	require.Equal(t, "ready", p.line())
	_, err := keyboard.WriteString("one\ntwo\n")
	require.NoError(t, err)
	require.Equal(t, "got one two", p.line())
	require.Zero(t, p.wait().code)
}

func TestCtrlCReachesTheCommandBeforeAndAfterItUsedTheTerminal(t *testing.T) {
	t.Parallel()
	for _, use := range []string{"", "read -r line;"} {
		p, keyboard := interactive(t, "terminal/interrupt"+use, use+`trap 'echo interrupted; exit 4' INT; echo ready; tail -f /dev/null & wait`)
		if use != "" {
			_, err := keyboard.WriteString("line\n")
			require.NoError(t, err)
		}
		require.Equal(t, "ready", p.line())
		_, err := keyboard.WriteString("\x03")
		require.NoError(t, err)
		require.Equal(t, "interrupted", p.line())
		require.Equal(t, 4, p.wait().code)
	}
}

// A shell gives its job the terminal, sees it stop at Ctrl-Z, and lets it run on.
func TestCtrlZStopsTheCommandAndThenLockdAndBothRunOn(t *testing.T) {
	t.Parallel()
	const shell = `set -m
		"$0" lock --endpoints "$1" terminal/stop -- sh -c 'read -r line; echo ready; read -r line; echo got $line; exit 6'
		echo stopped $?
		fg >/dev/null
		echo ended $?`
	keyboard, screen := openTerminalPair(t)
	p := prepare(t)
	endpoints := sharedCluster(t)
	p.command.Path, p.command.Args = "/bin/bash", []string{"bash", "-c", shell, os.Args[0], endpoints[0] + "," + endpoints[1] + "," + endpoints[2]}
	p.command.Stdin, p.command.Stderr = screen, screen // by which bash knows its terminal
	p.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	p.run()
	write := func(text string) {
		_, err := keyboard.WriteString(text)
		require.NoError(t, err)
	}
	write("first\n")
	require.Equal(t, "ready", p.line())
	write("\x1a")
	require.Equal(t, "stopped "+strconv.Itoa(128+int(unix.SIGSTOP)), p.line())
	write("second\n")
	require.Equal(t, "got second", p.line())
	require.Equal(t, "ended 6", p.line())
	require.Zero(t, p.wait().code)
}
