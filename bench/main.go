// Bench measures lockd beside its peers on the same work, and how its own cost grows:
//
//	go run . locks                 lock services: lockd, etcd, ZooKeeper, Redis
//	go run . raft                  Raft libraries: ours, etcd-io/raft, dragonboat, hashicorp/raft
//	go run . growth                lockd alone, with ever more of everything; fails where anything grows faster than it may
//	go run . document FILE...      docs/benchmarks.md and its plots, from what --json has kept of the others
//
// Rounds are interleaved, so that whatever else the machine does is shared by all. Figures of one run may be compared with each other, and not
// with those of another one. A part that fails, or for which there is no time, is noted in the report, and the rest of it told all the same.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, ignore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer ignore()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		ignore()
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	commands := map[string]func(context.Context, []string) error{"locks": locks, "raft": raftLibraries, "growth": growing, "document": document}
	if len(arguments) > 0 {
		if command, known := commands[arguments[0]]; known {
			return command(ctx, arguments[1:])
		}
	}
	return errors.New("usage: bench locks | raft | growth | document (see --help of each)")
}
