package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// logging is how a node writes its log, to standard error.
type logging struct {
	format, level *choice
}

func newLogging(command *cobra.Command, level string) *logging {
	return &logging{
		format: choiceFlag(command.Flags(), "log-format", "auto", "auto is text on a terminal and JSON elsewhere", "auto", "text", "json"),
		level:  choiceFlag(command.Flags(), "log-level", level, "what is worth a line", "debug", "info", "warn", "error"),
	}
}

func (l *logging) logger(out io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level.value)); err != nil {
		panic("lockd: each possible --log-level is one: " + err.Error())
	}
	options := &slog.HandlerOptions{Level: level}
	if l.format.value == "json" || l.format.value == "auto" && !isTerminal(out) {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

func isTerminal(out io.Writer) bool {
	file, is := out.(*os.File)
	return is && term.IsTerminal(int(file.Fd()))
}
