package cluster

import (
	"os"
	"strconv"
	"strings"
)

// standsStill tells whether a process is stopped by a signal.
func standsStill(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false // it has ended
	}
	// pid (name) state …, and a name may contain anything
	_, rest, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), " ")
	return strings.HasPrefix(rest, "T")
}
