package schedule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Read reads a schedule, and checks it. What is unknown, missing, or impossible is an error that says which fault it is in,
// counted from 1 as they stand in the file.
func Read(r io.Reader) (Schedule, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return Schedule{}, fmt.Errorf("reading a schedule: %w", err)
	}
	var outer struct {
		Schedule
		Faults *[]json.RawMessage `json:"faults"`
	}
	if err := strict(text, &outer, "seed", "profile", "nodes", "clients", "duration", "faults"); err != nil {
		return Schedule{}, fmt.Errorf("schedule: %w", err)
	}
	s := outer.Schedule
	s.Faults = make([]Strike, len(*outer.Faults))
	for i, text := range *outer.Faults {
		if err := strict(text, &s.Faults[i], "fault", "number", "at"); err != nil {
			return Schedule{}, fmt.Errorf("schedule: fault %d: %w", i+1, err)
		}
	}
	return s, s.Check()
}

// strict decodes one JSON object that must have the fields that are named, and none that the value has not.
func strict(text []byte, value any, required ...string) error {
	var present map[string]json.RawMessage
	if err := json.Unmarshal(text, &present); err != nil {
		return plain(err)
	}
	for _, field := range required {
		if found, is := present[field]; !is || string(found) == "null" {
			return fmt.Errorf("%q is missing", field)
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return plain(decoder.Decode(value))
}

// plain rewords what the decoder says in terms of its own.
func plain(err error) error {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) && mismatch.Field != "" {
		field := mismatch.Field[strings.LastIndex(mismatch.Field, ".")+1:]
		return fmt.Errorf("%q can't be: %s", field, mismatch.Value)
	}
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// Write writes the schedule, a line for each fault.
func (s Schedule) Write(w io.Writer) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // or "s1>s2" would be unreadable
	encoder.SetIndent("", "  ")
	head := s
	head.Faults = []Strike{}
	if err := encoder.Encode(head); err != nil {
		return fmt.Errorf("writing a schedule: %w", err)
	}
	text.Truncate(text.Len() - len("]\n}\n"))
	encoder.SetIndent("", "")
	for i, strike := range s.Faults {
		separator := ",\n    "
		if i == 0 {
			separator = "\n    "
		}
		text.WriteString(separator)
		if err := encoder.Encode(strike); err != nil {
			return fmt.Errorf("writing a schedule: fault %d: %w", i+1, err)
		}
		text.Truncate(text.Len() - len("\n"))
	}
	if len(s.Faults) > 0 {
		text.WriteString("\n  ")
	}
	text.WriteString("]\n}\n")
	if _, err := w.Write(text.Bytes()); err != nil {
		return fmt.Errorf("writing a schedule: %w", err)
	}
	return nil
}
