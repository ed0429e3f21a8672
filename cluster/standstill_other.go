//go:build !linux

package cluster

import (
	"os/exec"
	"strconv"
	"strings"
)

// standsStill tells whether a process is stopped by a signal.
func standsStill(pid int) bool {
	state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.HasPrefix(strings.TrimSpace(string(state)), "T")
}
