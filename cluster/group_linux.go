package cluster

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// groupLives tells whether any process of a process group still runs. One that has ended and only waits to be
// reaped by its parent (a zombie) does nothing any more.
func groupLives(group int) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it ended meanwhile
		}
		// pid (name) state ppid pgrp …, and a name may contain anything
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if fields[2] == strconv.Itoa(group) && fields[0] != "Z" && fields[0] != "X" {
			return true
		}
	}
	return false
}
