package main

import (
	"context"
	"crypto/tls"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"lockd/client"
)

// defaultEndpoints are where `lockd dev` serves.
var defaultEndpoints = []string{"127.0.0.1:7400", "127.0.0.1:7410", "127.0.0.1:7420"}

// reach is how a client command finds the servers.
type reach struct {
	endpoints *[]string
	timeout   *span
	secure    *bool
	files     certificateFiles
}

func newReach(command *cobra.Command) *reach {
	flags := command.Flags()
	r := &reach{
		endpoints: flags.StringSlice("endpoints", defaultEndpoints, "where the servers serve gRPC, as host:port; list every member"),
		timeout:   spanFlag(flags, "timeout", 10*time.Second, "how long to look for a server that answers"),
		secure:    flags.Bool("tls", false, "use TLS; implied by the other TLS flags"),
	}
	flags.StringVar(&r.files.ca, "tls-ca", "", "`file` with the certificates that servers' ones are checked against, in place of the system's")
	flags.StringVar(&r.files.certificate, "tls-cert", "", "`file` with the certificate to show to servers")
	flags.StringVar(&r.files.key, "tls-key", "", "`file` with its key")
	return r
}

// dial makes the client. It does not connect yet.
func (r *reach) dial() (*client.Client, error) {
	var options []client.Option
	if *r.secure || r.files.any() {
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		if err := r.files.load("--tls-cert", "--tls-key", config, &config.RootCAs); err != nil {
			return nil, err
		}
		options = append(options, client.WithTLS(config))
	}
	reached, err := client.New(*r.endpoints, options...)
	if err != nil {
		return nil, usageError("--endpoints: %w", err)
	}
	return reached, nil
}

// within bounds a call that a server answers at once.
func (r *reach) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(*r.timeout))
}

// ask makes a client for one call with an immediate answer.
func (r *reach) ask(call func(context.Context, *client.Client) error) error {
	reached, err := r.dial()
	if err != nil {
		return err
	}
	defer reached.Close()
	ctx, stop := untilInterrupted(endings)
	defer stop()
	ctx, cancel := r.within(ctx)
	defer cancel()
	return call(ctx, reached)
}

// endings are the signals with which a user ends a program.
var endings = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// untilInterrupted is a context that ends with the first of some signals, whose name is its cause.
func untilInterrupted(signals []os.Signal) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	arrived := make(chan os.Signal, 1)
	signal.Notify(arrived, heeded(signals)...)
	go func() {
		select {
		case s := <-arrived:
			cancel(interrupted{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(arrived)
		cancel(context.Canceled)
	}
}

// heeded leaves out what whoever started us wants ignored, as nohup does: to listen for a signal would end that.
func heeded(signals []os.Signal) []os.Signal {
	var some []os.Signal
	for _, s := range signals {
		if !signal.Ignored(s) {
			some = append(some, s)
		}
	}
	return some
}
