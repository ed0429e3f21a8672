package main

import (
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
}

func newVersion() *cobra.Command {
	command := &cobra.Command{Use: "version", Short: "Print what was built", Args: takes()}
	printer := newPrinter(command)
	command.RunE = func(*cobra.Command, []string) error {
		v := builtVersion()
		return printer.print(v, func(table io.Writer) { row(table, "lockd", v.Version, dash(v.Revision), v.Go) })
	}
	return command
}

func builtVersion() version {
	built, known := debug.ReadBuildInfo()
	if !known {
		return version{Version: "unknown"}
	}
	v := version{Version: built.Main.Version, Go: built.GoVersion}
	for _, setting := range built.Settings {
		if setting.Key == "vcs.revision" {
			v.Revision = setting.Value
		}
	}
	return v
}
