// Command shared-file shows why a lock needs a fencing token, and a resource that looks at it. Two workers on
// two machines read a shared document, change it and write it back, each while it holds the lock. One of them is stopped in
// between, for longer than its lease; README.md tells what happens then.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses of a worker that failed.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3 // the store refused a late write
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	os.Exit(run(ctx, os.Args[1:]))
}

func run(ctx context.Context, arguments []string) int {
	if len(arguments) == 0 {
		return usage()
	}
	var err error
	switch arguments[0] {
	case "store":
		err = store(ctx, arguments[1:])
	case "worker":
		err = worker(ctx, arguments[1:])
	default:
		return usage()
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFlags): // which the flag package has explained
		return exitUsage
	case errors.Is(err, errTooLate):
		fmt.Fprintln(os.Stderr, err)
		return exitRefused
	}
	fmt.Fprintln(os.Stderr, "shared-file:", err)
	return exitFailed
}

var errFlags = errors.New("the flags are wrong")

func usage() int {
	fmt.Fprintln(os.Stderr, "usage: shared-file store|worker [flags]    (-h after either lists its flags)")
	return exitUsage
}
