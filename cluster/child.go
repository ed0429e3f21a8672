package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is a process of a trial, started again whenever it has ended. Only processes that were started here are ever signalled.
type child struct {
	mutex    sync.Mutex // guards what follows
	process  *exec.Cmd
	ended    chan struct{}
	expected bool     // the process is to end, or to have ended
	deaths   []string // how processes ended that nobody had asked to
}

// launch starts the process. Should it end by itself, its last words are asked for.
func (c *child) launch(process *exec.Cmd, lastWords func() string) error {
	// Out of our group, so that a Ctrl-C is for us alone, who end the process ourselves.
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if err := process.Start(); err != nil {
		return err
	}
	c.process, c.ended, c.expected = process, make(chan struct{}), false
	go c.await(process, c.ended, lastWords)
	return nil
}

// await notes the end of a process, and whether anybody had asked for it.
func (c *child) await(process *exec.Cmd, ended chan struct{}, lastWords func() string) {
	_ = process.Wait() // the process's state says how it ended
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !c.expected {
		c.deaths = append(c.deaths, fmt.Sprintf("%v; its last words: %s", process.ProcessState, lastWords()))
	}
	close(ended)
}

// Deaths tell of each process that ended by itself.
func (c *child) Deaths() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.deaths)
}

// Running tells whether the process runs.
func (c *child) Running() bool {
	select {
	case <-c.Ended():
		return false
	default:
		return true
	}
}

// Ended is closed when the process is gone.
func (c *child) Ended() <-chan struct{} {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.ended
}

// Kill is kill -9. It returns when the process is gone. One that was never started is left alone.
func (c *child) Kill() {
	if c.signal(syscall.SIGKILL, true) {
		<-c.Ended()
	}
}

// Terminate is SIGTERM, and does not wait.
func (c *child) Terminate() { c.signal(syscall.SIGTERM, true) }

// standstillPatience is how long a process that was sent SIGSTOP may take to stand still. It is in the kernel's hands.
const standstillPatience = time.Second

// Suspend is SIGSTOP. It tells whether the process was seen to stand still.
func (c *child) Suspend() bool {
	if !c.signal(syscall.SIGSTOP, false) {
		return false
	}
	for end := time.Now().Add(standstillPatience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if standsStill(c.pid()) {
			return true
		}
	}
	return false
}

// Resume is SIGCONT.
func (c *child) Resume() { c.signal(syscall.SIGCONT, false) }

// signal is false when there is no process.
func (c *child) signal(signal syscall.Signal, ends bool) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.process == nil {
		return false
	}
	c.expected = c.expected || ends
	return c.process.Process.Signal(signal) == nil
}

// expect says that the process may end by itself from now on.
func (c *child) expect() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.expected = true
}

func (c *child) pid() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.process.Process.Pid
}

// lastWords are the end of a log; if that is what a Go program leaves when it falls over, they begin with why it did.
func lastWords(file string) string {
	const enough = 2000
	text, _ := os.ReadFile(file)
	for _, why := range []string{"panic: ", "fatal error: "} {
		if at := strings.LastIndex(string(text), why); at >= 0 {
			return string(text[at:min(len(text), at+enough)])
		}
	}
	return string(text[max(0, len(text)-enough):])
}
