package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockd/daemon"
	"lockd/raft"
)

// A cluster of lockd dev: node i serves gRPC at the base port plus ten times i, members one port behind, HTTP two.
const (
	devNodes    = 3
	devBasePort = 7400
	devStride   = 10
)

// readyPatience bounds how long a new cluster of three nodes in one process may take to find a leader.
const readyPatience = 30 * time.Second

func newDev() *cobra.Command {
	command := &cobra.Command{
		Use: "dev", Short: "Run three nodes in this process, to try lockd out", Args: takes(),
		Long: `Run a cluster of three nodes in this process, reachable from this machine alone. Node i of 0, 1, 2 serves gRPC on the base
port plus 10i; the port behind it is for the other nodes, the next one for HTTP. Ctrl-C stops it.`,
	}
	printer, logging := newPrinter(command), newLogging(command, "error")
	data := command.Flags().String("data", "", "`directory` for data; without it a temporary one, which is removed at the end")
	base := command.Flags().Uint16("base-port", devBasePort, "the first of the ports")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if *base > 65535-devStride*(devNodes-1)-2 || *base == 0 {
			return usageError("--base-port %d: the ports up to %d more are needed, and there is none above 65535", *base, devStride*(devNodes-1)+2)
		}
		return runDev(printer, *data, int(*base), logging.logger(command.ErrOrStderr()))
	}
	return command
}

func runDev(printer *printer, data string, base int, logger *slog.Logger) (err error) {
	signals, ignore := notifyStops()
	defer ignore()
	if data == "" {
		if data, err = os.MkdirTemp("", "lockd-dev-"); err != nil {
			return err
		}
		defer os.RemoveAll(data)
	}
	nodes, err := startDev(daemon.Config{Logger: logger}, data, base)
	if err != nil {
		return explainStart(err, "--base-port")
	}
	if err := awaitReady(nodes); err != nil {
		_ = stopAll(nodes) // the reason why it is not ready is the better news
		return err
	}
	about := describeDev(nodes, data)
	if err := printer.print(about, about.text); err != nil {
		return err
	}
	return untilStopped(nodes, signals)
}

// startDev gives each node what is its own; the configuration says what they have in common.
func startDev(config daemon.Config, data string, base int) (nodes []*daemon.Daemon, err error) {
	at := func(i, offset int) string {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(base+devStride*i+offset))
	}
	config.Members = map[raft.ID]string{}
	for i := range devNodes {
		config.Members[raft.ID(i+1)] = at(i, 1)
	}
	for i := range devNodes {
		config.Member, config.Directory = raft.ID(i+1), filepath.Join(data, strconv.Itoa(i+1))
		config.ClientAddress, config.HTTPAddress = at(i, 0), at(i, 2)
		node, err := daemon.Start(config)
		if err != nil {
			_ = stopAll(nodes)
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// awaitReady returns when every node would take a call.
func awaitReady(nodes []*daemon.Daemon) error {
	ctx, cancel := context.WithTimeout(context.Background(), readyPatience)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for _, node := range nodes {
		for {
			err := node.Ready(ctx)
			if err == nil {
				break
			}
			select {
			case <-look.C:
			case <-ctx.Done():
				return fail(exitSystem, "the cluster was not ready after %v: %w", readyPatience, err)
			}
		}
	}
	return nil
}

type devCluster struct {
	Endpoints []string `json:"endpoints"`
	HTTP      []string `json:"http"`
	Data      string   `json:"data"`
}

func describeDev(nodes []*daemon.Daemon, data string) devCluster {
	about := devCluster{Data: data}
	for _, node := range nodes {
		about.Endpoints = append(about.Endpoints, node.ClientAddress())
		about.HTTP = append(about.HTTP, "http://"+node.HTTPAddress())
	}
	return about
}

func (d devCluster) text(out io.Writer) {
	fmt.Fprintf(out, "lockd is ready: three nodes, data in %s\n\n", d.Data)
	for i := range d.Endpoints {
		fmt.Fprintf(out, "  node %d   gRPC %s   %s\n", i+1, d.Endpoints[i], d.HTTP[i])
	}
	endpoints := ""
	if strings.Join(d.Endpoints, ",") != strings.Join(defaultEndpoints, ",") {
		endpoints = "  export LOCKD_ENDPOINTS=" + strings.Join(d.Endpoints, ",") + "\n"
	}
	fmt.Fprintf(out, `
Try in another terminal:
%s  lockd lock demo -- sh -c 'echo my token is $LOCKD_TOKEN; sleep 60'   run a command under a lock
  lockd show demo                                                     who holds it, who waits
  lockd status                                                        who leads
  curl -L -X POST %s/v1/sessions -d '{"ttl":"30s"}'   the same service over HTTP

Ctrl-C stops it.
`, endpoints, d.HTTP[0])
}
