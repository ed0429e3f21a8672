package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"lockd/client"
	"lockd/raft"
)

// span is a flag's length of time: seconds, with decimals if need be, or with a unit ("1.5", "90s", "2m").
type span time.Duration

func (s *span) String() string { return time.Duration(*s).String() }
func (*span) Type() string     { return "duration" }

func (s *span) Set(text string) error {
	if strings.Trim(text, "-0123456789.") == "" {
		text += "s"
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("a duration is a number of seconds, or has a unit, as in 1m30s")
	}
	if parsed < 0 {
		return errors.New("a duration is not negative")
	}
	*s = span(parsed)
	return nil
}

func spanFlag(flags *pflag.FlagSet, name string, standard time.Duration, usage string) *span {
	value := span(standard)
	flags.Var(&value, name, usage)
	return &value
}

// patience is how long somebody waits for a lock: a span, or for ever.
type patience time.Duration

func (p *patience) Type() string { return "seconds" }

func (p *patience) String() string {
	if time.Duration(*p) == client.Forever {
		return "forever"
	}
	return time.Duration(*p).String()
}

func (p *patience) Set(text string) error {
	if text == "forever" {
		*p = patience(client.Forever)
		return nil
	}
	return (*span)(p).Set(text)
}

// memberNumber is a flag's number of a member.
type memberNumber uint64

func (m *memberNumber) String() string { return strconv.FormatUint(uint64(*m), 10) }
func (*memberNumber) Type() string     { return "number" }

func (m *memberNumber) Set(text string) error {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil || number == 0 {
		return errors.New("a member's number is a whole one, from 1 on")
	}
	*m = memberNumber(number)
	return nil
}

// memberNumbers is a flag's list of members.
type memberNumbers []raft.ID

func (m *memberNumbers) Type() string { return "numbers" }

func (m *memberNumbers) String() string {
	texts := make([]string, len(*m))
	for i, id := range *m {
		texts[i] = strconv.FormatUint(uint64(id), 10)
	}
	return strings.Join(texts, ",")
}

func (m *memberNumbers) Set(text string) error {
	*m = nil
	for item := range strings.SplitSeq(text, ",") {
		var id memberNumber
		if err := id.Set(strings.TrimSpace(item)); err != nil {
			return err
		}
		if slices.Contains(*m, raft.ID(id)) {
			return fmt.Errorf("member %d is named twice", id)
		}
		*m = append(*m, raft.ID(id))
	}
	return nil
}

// choice is a flag with a few possible values.
type choice struct {
	value   string
	choices []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.choices, "|") }

func (c *choice) Set(text string) error {
	for _, possible := range c.choices {
		if text == possible {
			c.value = text
			return nil
		}
	}
	return fmt.Errorf("it is one of %s", strings.Join(c.choices, ", "))
}

func choiceFlag(flags *pflag.FlagSet, name, standard, usage string, choices ...string) *choice {
	value := &choice{value: standard, choices: choices}
	flags.Var(value, name, usage)
	return value
}

// parseNumber reads an argument that is a token, a session or a member.
func parseNumber(what, text string) (uint64, error) {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, usageError("%s: %q is no number", what, text)
	}
	return number, nil
}
