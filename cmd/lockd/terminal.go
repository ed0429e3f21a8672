package main

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// terminal is the one that controls us, which at each moment has one foreground group: only that may read from it.
type terminal struct {
	file *os.File // nil: there is none, and nothing below does anything
	own  int      // our group
}

func openTerminal() *terminal {
	file, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return &terminal{}
	}
	// To give the terminal back from the background would stop us.
	signal.Ignore(unix.SIGTTOU)
	return &terminal{file: file, own: unix.Getpgrp()}
}

func (t *terminal) close() {
	if t.file != nil {
		_ = t.file.Close()
	}
}

// foreground is the group that may read, or zero.
func (t *terminal) foreground() int {
	if t.file == nil {
		return 0
	}
	group, err := unix.IoctlGetInt(int(t.file.Fd()), unix.TIOCGPGRP)
	if err != nil {
		return 0
	}
	return group
}

// pass makes another group the foreground one, if the terminal is with the group from.
func (t *terminal) pass(from, to int) bool {
	if t.file == nil || t.foreground() != from {
		return false
	}
	return unix.IoctlSetPointerInt(int(t.file.Fd()), unix.TIOCSPGRP, to) == nil
}

// watched says whether somebody in our session may notice that we stop, and let us run on. Under ssh without a shell, or as the
// first process of a container, nobody would.
func (t *terminal) watched() bool {
	if t.file == nil {
		return false
	}
	parent, err := unix.Getsid(unix.Getppid())
	if err != nil {
		return false
	}
	ours, err := unix.Getsid(0)
	return err == nil && parent == ours
}
