package report

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Machine is where it was measured.
type Machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Memory    string `json:"memory"` // as the kernel tells it
	Kernel    string `json:"kernel"`
	Go        string `json:"go"`
}

// ThisMachine asks the system. What it does not tell is left empty.
func ThisMachine() Machine {
	return Machine{
		Processor: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Memory: field("/proc/meminfo", "MemTotal"),
		Kernel: line("/proc/sys/kernel/osrelease"), Go: runtime.Version(),
	}
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, memory %s, Linux %s, %s", m.Processor, m.Cores, m.Memory, m.Kernel, m.Go)
}

// field is the first value of that name in a file of names and values.
func field(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func line(file string) string {
	text, _ := os.ReadFile(file)
	return strings.TrimSpace(string(text))
}

// CommitOf is the commit that a directory is at, and whether something in it was changed since. Empty: it is not known.
func CommitOf(directory string) string {
	commit := git(directory, "rev-parse", "--short=12", "HEAD")
	if commit != "" && git(directory, "status", "--porcelain", "--", "*.go", "go.mod", ":!bench") != "" {
		commit += ", changed"
	}
	return commit
}

func git(directory string, arguments ...string) string {
	output, _ := exec.Command("git", append([]string{"-C", directory}, arguments...)...).Output()
	return strings.TrimSpace(string(output))
}
