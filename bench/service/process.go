package service

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a server. Only processes that were started here are ever signalled, by the handle that the system gave for them.
type Process struct {
	// Data is the directory that is its own.
	Data string

	command []string
	log     string

	mutex   sync.Mutex
	running *exec.Cmd
	ended   chan struct{}
}

func newProcess(command []string, log string) (*Process, error) {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, err
	}
	return &Process{command: append([]string{path}, command[1:]...), log: log}, nil
}

// Start runs the process, for the first time or again.
func (p *Process) Start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the process has its own
	running := exec.Command(p.command[0], p.command[1:]...)
	running.Stdout, running.Stderr = log, log
	// Out of our group, so that a Ctrl-C is for us alone, who end the process ourselves; and it does not outlive us.
	running.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if err := running.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.command[0], err)
	}
	ended := make(chan struct{})
	p.running, p.ended = running, ended
	go func() {
		_ = running.Wait() // whoever wants to know why it ended reads its log
		close(ended)
	}()
	return nil
}

// Kill is kill -9. It returns when the process is gone.
func (p *Process) Kill() {
	if running, ended := p.current(); running != nil {
		_ = running.Process.Kill() // it fails for one that has ended by itself
		<-ended
	}
}

// Running tells whether the process runs.
func (p *Process) Running() bool {
	running, ended := p.current()
	if running == nil {
		return false
	}
	select {
	case <-ended:
		return false
	default:
		return true
	}
}

func (p *Process) current() (*exec.Cmd, chan struct{}) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.running, p.ended
}

// PID is the number of the process that was started last.
func (p *Process) PID() int {
	running, _ := p.current()
	return running.Process.Pid
}

// LastWords are the end of what the process has logged.
func (p *Process) LastWords() string {
	const enough = 1500
	text, _ := os.ReadFile(p.log)
	return string(text[max(0, len(text)-enough):])
}

// clockTick is the unit of times in /proc, USER_HZ: a hundredth of a second on every Linux.
const clockTick = 10 * time.Millisecond

// CPU is the processor time, user and system, that the process has taken since it was started.
func (p *Process) CPU() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, err
	}
	// The command's name is in parentheses, and may have any character in it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const user, system = 14 - 3, 15 - 3 // by proc(5), counted from the state, which is the third
	var ticks int64
	for _, field := range []int{user, system} {
		n, err := strconv.ParseInt(fields[field], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/%d/stat: %w", p.PID(), err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// Memory is how much of the process is in memory, in bytes: its resident set.
func (p *Process) Memory() (int64, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.PID()))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc/%d/statm: %w", p.PID(), err)
	}
	return pages * int64(os.Getpagesize()), nil
}
