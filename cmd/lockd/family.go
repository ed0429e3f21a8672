package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// family is a command and everything that it starts: its process group, and on Linux all its descendants.
//
// Whoever starts one must not have other children, now or later: all that end are taken for the family's. It must also stay on the
// thread that started it (runtime.LockOSThread), because Linux ends the command together with that thread.
type family struct {
	leader int
	// changes tells of each process that was stopped or has ended. It is closed when nobody is left.
	changes chan change
}

// change is what has become of one process.
type change struct {
	process int
	status  unix.WaitStatus
}

// startFamily runs a program in a process group of its own, with our standard files.
func startFamily(path string, arguments, environment []string) (*family, error) {
	if err := adoptOrphans(); err != nil {
		return nil, err
	}
	process, err := os.StartProcess(path, arguments, &os.ProcAttr{
		Env:   environment,
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   leaderAttributes(),
	})
	if err != nil {
		return nil, err
	}
	f := &family{leader: process.Pid, changes: make(chan change)}
	if err := process.Release(); err != nil { // it is reaped here, with all the others
		return nil, errors.Join(err, f.signal(unix.SIGKILL))
	}
	go f.reap()
	return f, nil
}

// reap takes the news of children until there are none. Then the group may still have members that are not our children: the
// descendants of a process that has adopted them itself, and on macOS all but the leader.
func (f *family) reap() {
	defer close(f.changes)
	for {
		var status unix.WaitStatus
		process, err := unix.Wait4(-1, &status, unix.WUNTRACED, nil)
		switch {
		case err == nil:
			f.changes <- change{process, status}
		case errors.Is(err, unix.ECHILD):
			for unix.Kill(-f.leader, 0) == nil {
				time.Sleep(10 * time.Millisecond) // nobody tells of the end of a process that is not a child
			}
			return
		case !errors.Is(err, unix.EINTR):
			panic(fmt.Sprintf("lockd: waiting for children cannot fail: %v", err))
		}
	}
}

// signal reaches the group, and who has left it as far as we can see them. It must not be used once changes is closed:
// the number of the group may be another's by then.
func (f *family) signal(s syscall.Signal) error {
	err := unix.Kill(-f.leader, s)
	for _, process := range children() {
		if group, lookup := unix.Getpgid(process); lookup == nil && group != f.leader {
			err = errors.Join(err, unix.Kill(process, s))
		}
	}
	return err
}
