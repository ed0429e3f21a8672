package linearizability

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A history in a file is lines of JSON: a header, then one line for each call and one for each answer, in the order in which
// they happened. docs/history.md describes the fields.

type headerLine struct {
	History string `json:"history"`
	Version int    `json:"version"`
	Drift   int64  `json:"drift_ppm"`
	Slack   int64  `json:"slack_ns"`
}

const (
	formatName    = "lock-history"
	formatVersion = 1
	longestLine   = 1 << 20
	longestTime   = 1 << 60 // nanoseconds, half of what a Duration holds is kept free for sums
	steepestDrift = 1_000_000
)

// eventLine is a call or an answer. Each has its own fields; current is told if and only if it is there.
type eventLine struct {
	Event     string  `json:"event"`
	Operation uint64  `json:"operation"`
	At        int64   `json:"at_ns"`
	Client    int32   `json:"client,omitempty"`
	Kind      string  `json:"kind,omitempty"`
	Outcome   string  `json:"outcome,omitempty"`
	Lock      string  `json:"lock,omitempty"`
	Session   uint64  `json:"session,omitempty"`
	Token     uint64  `json:"token,omitempty"`
	Current   *uint64 `json:"current,omitempty"`
	Revision  uint64  `json:"revision,omitempty"`
	Value     uint64  `json:"value,omitempty"`
	Base      uint64  `json:"base,omitempty"`
	TTL       int64   `json:"ttl_ns,omitempty"`
}

// Encode writes a history as lines of JSON, its operations numbered in the order of their calls.
func Encode(out io.Writer, h *History) error {
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	if err := encoder.Encode(headerLine{formatName, formatVersion, h.Drift, int64(h.Slack)}); err != nil {
		return fmt.Errorf("writing a history: %w", err)
	}
	type event struct {
		number uint64
		index  int
		call   bool
	}
	events := make([]event, 0, 2*len(h.Operations))
	for i := range h.Operations {
		o := &h.Operations[i]
		events = append(events, event{o.Call, i, true})
		if o.Return != Never {
			events = append(events, event{o.Return, i, false})
		}
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.number, b.number) })
	numbers, called := make([]uint64, len(h.Operations)), uint64(0)
	for _, e := range events {
		o := &h.Operations[e.index]
		line := o.returnLine()
		if e.call {
			called++
			numbers[e.index] = called
			line = o.callLine()
		}
		line.Operation = numbers[e.index]
		if err := encoder.Encode(line); err != nil {
			return fmt.Errorf("writing a history: %w", err)
		}
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("writing a history: %w", err)
	}
	return nil
}

// callLine is what the caller knew.
func (o *Operation) callLine() eventLine {
	line := eventLine{Event: "call", At: int64(o.Called), Client: o.Client, Kind: strings.ToLower(o.Kind.String()), Lock: o.Lock,
		Session: o.Session, Token: o.Token, Value: o.Value, Base: o.Base, TTL: int64(o.TTL)}
	switch o.Kind {
	case Open:
		line.Session = 0
	case Acquire:
		line.Token = 0
	case Read:
		line.Value = 0
	}
	return line
}

// returnLine is what it was told.
func (o *Operation) returnLine() eventLine {
	line := eventLine{Event: "return", At: int64(o.Returned), Outcome: o.Outcome.String(), Revision: o.Revision}
	switch o.Kind {
	case Open:
		line.Session = o.Session
	case Acquire:
		line.Token = o.Token
	case Read:
		line.Value = o.Value
	}
	if o.Tells {
		line.Current = &o.Current
	}
	return line
}

// Decode reads what Encode has written, or whoever else keeps to docs/history.md. An error names the line.
func Decode(in io.Reader) (*History, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	r := reader{open: map[uint64]int{}}
	for number := 1; lines.Scan(); number++ {
		if err := r.line(number, lines.Bytes()); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	switch err := lines.Err(); {
	case err != nil:
		return nil, fmt.Errorf("reading a history: %w", err)
	case !r.begun:
		return nil, errors.New("line 1: a history begins with a header")
	}
	return &r.history, nil
}

// reader gathers operations from their lines.
type reader struct {
	history History
	begun   bool
	event   uint64
	now     int64
	open    map[uint64]int // operations that were called; -1: and answered
}

func (r *reader) line(number int, text []byte) error {
	if number == 1 {
		return r.header(text)
	}
	var line eventLine
	if err := parse(text, &line); err != nil {
		return err
	}
	switch {
	case line.At < r.now:
		return fmt.Errorf("it is at %d ns, after one at %d ns", line.At, r.now)
	case line.At > longestTime:
		return fmt.Errorf("a time of %d ns is too long", line.At)
	}
	r.now = line.At
	r.event++
	switch line.Event {
	case "call":
		return r.call(&line)
	case "return":
		return r.answer(&line)
	}
	return fmt.Errorf("an event is a call or a return, not %q", line.Event)
}

func parse(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("it is not what it should be: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("something stands behind the object")
	}
	return nil
}

func (r *reader) header(text []byte) error {
	var header headerLine
	if err := parse(text, &header); err != nil {
		return err
	}
	switch {
	case header.History != formatName:
		return fmt.Errorf("a header says \"history\":%q, not %q", formatName, header.History)
	case header.Version != formatVersion:
		return fmt.Errorf("version %d is not known, only %d", header.Version, formatVersion)
	case header.Drift < 0 || header.Drift >= steepestDrift:
		return fmt.Errorf("a drift of %d parts in a million is not from 0 to %d", header.Drift, steepestDrift-1)
	case header.Slack < 0 || header.Slack > longestTime:
		return fmt.Errorf("a slack of %d ns is not from 0 to %d", header.Slack, int64(longestTime))
	}
	r.begun = true
	r.history.Drift, r.history.Slack = header.Drift, time.Duration(header.Slack)
	return nil
}

func (r *reader) call(line *eventLine) error {
	kind := Kind(max(0, slices.IndexFunc(kindNames[:], func(name string) bool { return name != "" && strings.ToLower(name) == line.Kind })))
	_, known := r.open[line.Operation]
	switch {
	case known:
		return fmt.Errorf("operation %d is called twice", line.Operation)
	case kind == 0:
		return fmt.Errorf("there is no kind %q", line.Kind)
	case kind >= Acquire && line.Lock == "":
		return fmt.Errorf("a call of %s names its lock", line.Kind)
	case (kind == Renew || kind == Close) && line.Session == 0:
		return fmt.Errorf("a call of %s names its session", line.Kind)
	case line.TTL < 0 || line.TTL > longestTime:
		return fmt.Errorf("a TTL of %d ns is not from 0 to %d", line.TTL, int64(longestTime))
	case line.Outcome != "" || line.Current != nil || line.Revision != 0:
		return errors.New("a call has no outcome, current or revision yet")
	}
	if misplaced := kind == Open && line.Session != 0 || kind == Acquire && line.Token != 0 || kind == Read && line.Value != 0; misplaced {
		return fmt.Errorf("a call of %s can't know its answer", line.Kind)
	}
	r.open[line.Operation] = len(r.history.Operations)
	r.history.Operations = append(r.history.Operations, Operation{
		Kind: kind, Client: line.Client, Lock: line.Lock, Session: line.Session, Token: line.Token, Value: line.Value, Base: line.Base,
		TTL: time.Duration(line.TTL), Call: r.event, Called: time.Duration(line.At), Return: Never,
	})
	return nil
}

func (r *reader) answer(line *eventLine) error {
	i, known := r.open[line.Operation]
	if !known || i < 0 {
		return fmt.Errorf("operation %d was not called, or has been answered", line.Operation)
	}
	r.open[line.Operation] = -1
	o := &r.history.Operations[i]
	outcome := slices.Index(outcomeNames[:], line.Outcome)
	kind := strings.ToLower(o.Kind.String())
	switch {
	case outcome < 0:
		return fmt.Errorf("there is no outcome %q", line.Outcome)
	case line.Kind != "" || line.Lock != "" || line.Client != 0 || line.Base != 0 || line.TTL != 0:
		return errors.New("client, kind, lock, base and ttl_ns belong to the call")
	case line.Session != 0 && o.Kind != Open, line.Token != 0 && o.Kind != Acquire, line.Value != 0 && o.Kind != Read:
		return fmt.Errorf("the answer to %s tells something that its call has told", kind)
	case Outcome(outcome) == Done && o.Kind == Open && line.Session == 0:
		return errors.New("an open that is done tells its session")
	case Outcome(outcome) == Done && o.Kind == Acquire && line.Token == 0:
		return errors.New("an acquire that is done tells its token")
	}
	o.Outcome, o.Revision, o.Return, o.Returned = Outcome(outcome), line.Revision, r.event, time.Duration(line.At)
	switch o.Kind {
	case Open:
		o.Session = line.Session
	case Acquire:
		o.Token = line.Token
	case Read:
		o.Value = line.Value
	}
	if line.Current != nil {
		o.Tells, o.Current = true, *line.Current
	}
	return nil
}
