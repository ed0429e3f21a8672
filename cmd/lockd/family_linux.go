package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes the children of processes that end before them ours, so that they can be found and waited for.
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the reaper of orphans: %w", err)
	}
	return nil
}

// leaderAttributes let the kernel end the command when lockd is killed.
func leaderAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// children are our own and adopted ones. The kernel may leave one out while others end; who asks again at each ending
// finds all.
func children() (processes []int) {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		panic("lockd: the pattern is well-formed: " + err.Error())
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for field := range strings.FieldsSeq(string(text)) {
			if process, err := strconv.Atoi(field); err == nil {
				processes = append(processes, process)
			}
		}
	}
	return processes
}
