package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// printer writes what a command has found out, for people or for programs.
type printer struct {
	command *cobra.Command
	format  *choice
}

func newPrinter(command *cobra.Command) *printer {
	return &printer{
		command: command,
		format:  choiceFlag(command.Flags(), "output", "text", "how to print", "text", "json"),
	}
}

// print writes the value as one line of JSON, or what text makes of it: cells end with a tab, lines with a line end.
func (p *printer) print(value any, text func(table io.Writer)) error {
	out := p.command.OutOrStdout()
	if p.format.value == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(value)
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	text(table)
	return table.Flush()
}

// row is one line of a table.
func row(table io.Writer, cells ...any) {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = fmt.Sprint(cell)
	}
	fmt.Fprintln(table, strings.Join(texts, "\t"))
}

// number is a token, a session or another count of 64 bits. JSON carries it as a string, as the HTTP interface does: a
// JavaScript number can't hold all of them.
type number uint64

func (n number) MarshalText() ([]byte, error) { return strconv.AppendUint(nil, uint64(n), 10), nil }

// length is a duration. JSON carries it as the HTTP interface does: in seconds, as "1.500s".
type length time.Duration

func (l length) MarshalText() ([]byte, error) { return []byte(l.inSeconds()), nil }

func (l length) inSeconds() string {
	whole, rest := time.Duration(l)/time.Second, time.Duration(l)%time.Second
	if rest == 0 {
		return fmt.Sprintf("%ds", whole)
	}
	return fmt.Sprintf("%d.%03ds", whole, rest/time.Millisecond)
}

// String is for people, who read tenths of seconds.
func (l length) String() string {
	return time.Duration(l).Truncate(100 * time.Millisecond).String()
}

// dash stands for what is not there.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// printable keeps what a stranger wrote on its line, and out of the terminal's control.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}
