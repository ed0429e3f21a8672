package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lockd/client"
)

type savedSnapshot struct {
	File  string `json:"file"`
	Index number `json:"index"`
	Bytes int64  `json:"bytes"`
}

func newSnapshot() *cobra.Command {
	return newGroup("snapshot", "Keep the state of all locks and sessions", newSnapshotSave(), newSnapshotRestore())
}

func newSnapshotSave() *cobra.Command {
	command := &cobra.Command{
		Use: "save FILE", Short: "Write the state of all locks and sessions to a file", Args: takes("FILE"),
		Long: `Write the state of all locks and sessions, as of one confirmed moment, to FILE. FILE appears whole and on disk, or
not at all: it is written as FILE.tmp first. One that exists is replaced.`,
	}
	printer, reach := newPrinter(command), newReach(command)
	command.RunE = func(_ *cobra.Command, arguments []string) error {
		return reach.ask(func(ctx context.Context, reached *client.Client) error {
			saved := savedSnapshot{File: arguments[0]}
			err := writeWhole(saved.File, func(file io.Writer) error {
				backup, err := reached.Backup(ctx, file)
				saved.Index, saved.Bytes = number(backup.Index), int64(backup.Bytes)
				return err
			})
			if err != nil {
				return err
			}
			return printer.print(saved, func(table io.Writer) {
				fmt.Fprintf(table, "%s: %d bytes, as of entry %d\n", saved.File, saved.Bytes, saved.Index)
			})
		})
	}
	return command
}

// writeWhole makes a file appear under its name only when all of it is on disk.
func writeWhole(path string, write func(io.Writer) error) error {
	unfinished := path + ".tmp"
	file, err := os.OpenFile(unfinished, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err = write(file); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(unfinished, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	return syncDirectory(filepath.Dir(path))
}

// syncDirectory makes a rename last through a loss of power.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
