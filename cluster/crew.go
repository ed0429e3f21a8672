package cluster

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// maxCrews is how many processes the clients of a trial are dealt out to.
const maxCrews = 10

func crews(clients int) int { return min(clients, maxCrews) }

// orders are what a crew is told first: a line on its standard input. The next line says that everything has healed.
// The end of its input says that nobody listens any more.
type orders struct {
	Clients   []int    `json:"clients"`   // their numbers
	Endpoints []string `json:"endpoints"` // of the members, as they advertise themselves
	Proxies   []string `json:"proxies"`   // where this crew finds each of them
	Resource  string   `json:"resource"`
	Careless  bool     `json:"careless"` // no client looks whether it still holds a lock
	Seed      uint64   `json:"seed"`     // another one for each process
}

// crew is a process with some of the clients: what stops or ends it, stops or ends all of them.
type crew struct {
	child
	number    int
	command   []string // a process that calls RunCrew
	orders    orders
	log       string
	chronicle *chronicle

	input   io.WriteCloser
	heard   chan struct{} // closed when all was heard that the process said
	tellers func() int    // numbers processes
}

// start starts the process, for the first time or once more. It must not run.
func (c *crew) start() error {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the process has its own
	if c.heard != nil {
		<-c.heard
	}
	words, output, err := os.Pipe()
	if err != nil {
		return err
	}
	defer output.Close() //nolint:errcheck // the process has its own
	process := exec.Command(c.command[0], c.command[1:]...)
	process.Env = append(os.Environ(), crewMark+"=1")
	process.Stdout, process.Stderr = output, log
	if c.input, err = process.StdinPipe(); err != nil {
		return err
	}
	teller, told := c.tellers(), c.orders
	told.Seed += uint64(teller)
	if err := c.launch(process, c.lastWords); err != nil {
		return fmt.Errorf("starting crew %d: %w", c.number, err)
	}
	c.heard = make(chan struct{})
	go c.listen(teller, words, c.heard)
	return json.NewEncoder(c.input).Encode(told)
}

// listen hands on what the process says, to its last line. One that was killed may leave half a line.
func (c *crew) listen(teller int, words io.ReadCloser, heard chan struct{}) {
	defer close(heard)
	defer words.Close() //nolint:errcheck // it was only read
	lines := bufio.NewReader(words)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var w word
		if json.Unmarshal(bytes.TrimSpace(line), &w) == nil {
			c.chronicle.hear(teller, w)
		}
	}
}

// conclude tells the clients that everything has healed: each is to show that it is served, and then to end.
func (c *crew) conclude() error {
	c.expect()
	_, err := io.WriteString(c.input, "healed\n")
	return err
}

// dismiss ends the process, and waits until all it said was heard.
func (c *crew) dismiss() {
	c.Kill()
	if c.heard != nil {
		<-c.heard
	}
}

func (c *crew) lastWords() string { return lastWords(c.log) }
