package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockd/daemon"
	"lockd/raft"
)

// serving is everything that `lockd serve` is told.
type serving struct {
	id                             memberNumber
	data, peers                    string
	listen, peerListen, httpListen string
	advertise, advertiseHTTP       string
	peerFiles, clientFiles         certificateFiles
	insecure, join                 bool
	electionTimeout, heartbeat     *span
	scrubInterval                  *span
	logging                        *logging
}

func newServe() *cobra.Command {
	command := &cobra.Command{
		Use: "serve", Short: "Run one node of a cluster", Args: takes(),
		Long: `Run one node of a cluster. All nodes are given the same --peers, and each its own --id and --data:

  lockd serve --id 1 --data /var/lib/lockd --peers 1=10.0.0.1:7401,2=10.0.0.2:7401,3=10.0.0.3:7401 \
    --listen 10.0.0.1:7400 --http-listen 10.0.0.1:7402 \
    --peer-cert peer.pem --peer-key peer.key --peer-ca ca.pem --client-cert server.pem --client-key server.key

A node that is not of the cluster yet is given --join, an --id that no member has, an empty --data, and --peers with itself added. It waits until
it is added, with a command that it logs, and is made a voter when it has caught up. See lockd help member.

Without TLS files a node listens on this machine's loopback addresses only, unless --insecure is given.
SIGTERM and SIGINT hand leadership over and stop the node; a second signal ends it at once.`,
	}
	s := newServing(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		config, err := s.config(s.logging.logger(command.ErrOrStderr()))
		if err != nil {
			return err
		}
		return serve(config)
	}
	return command
}

func newServing(command *cobra.Command) *serving {
	flags := command.Flags()
	s := &serving{logging: newLogging(command, "info")}
	flags.Var(&s.id, "id", "this node's `number` in --peers")
	flags.StringVar(&s.data, "data", "", "`directory` for data, made if it does not exist")
	flags.StringVar(&s.peers, "peers", "", "all members, as `number=host:port,...`, this one too")
	flags.BoolVar(&s.join, "join", false, "join a cluster that exists, if --data is of none yet, in place of founding one")
	flags.StringVar(&s.listen, "listen", "127.0.0.1:7400", "where to serve clients by gRPC")
	flags.StringVar(&s.peerListen, "peer-listen", "", "where to listen for other members (default: as in --peers)")
	flags.StringVar(&s.httpListen, "http-listen", "127.0.0.1:7402", "where to serve HTTP: JSON, metrics, health; or none")
	flags.StringVar(&s.advertise, "advertise", "", "what clients are told in place of --listen")
	flags.StringVar(&s.advertiseHTTP, "advertise-http", "", "what clients are told in place of --http-listen")
	flags.StringVar(&s.peerFiles.certificate, "peer-cert", "", "`file` with the certificate to show to other members")
	flags.StringVar(&s.peerFiles.key, "peer-key", "", "`file` with its key")
	flags.StringVar(&s.peerFiles.ca, "peer-ca", "", "`file` with the certificates that other members' ones are checked against")
	flags.StringVar(&s.clientFiles.certificate, "client-cert", "", "`file` with the certificate to show to clients, by gRPC and HTTP")
	flags.StringVar(&s.clientFiles.key, "client-key", "", "`file` with its key")
	flags.StringVar(&s.clientFiles.ca, "client-ca", "", "`file` with certificates; clients must then show one that is signed by one of them")
	flags.BoolVar(&s.insecure, "insecure", false, "listen without TLS on any address: whoever reaches it can take and release every lock")
	s.electionTimeout = spanFlag(flags, "election-timeout", 300*time.Millisecond, "how long a leader may be silent; the same at all members")
	s.heartbeat = spanFlag(flags, "heartbeat", 50*time.Millisecond, "how often a leader speaks; the same at all members")
	s.scrubInterval = spanFlag(flags, "scrub-interval", time.Hour, "in how much time all files at rest are read once, to find what has rotted")
	return s
}

func serve(config daemon.Config) error {
	signals, ignore := notifyStops()
	defer ignore()
	node, err := daemon.Start(config)
	if err != nil {
		return explainStart(&startError{err}, "that flag")
	}
	if config.Join && !node.Formed() {
		config.Logger.Info("this node waits to be added to a cluster", "by",
			fmt.Sprintf("lockd member add %d=%s --incarnation %016x", config.Member, config.Members[config.Member], node.Incarnation()))
	}
	return untilStopped([]*daemon.Daemon{node}, signals)
}

// startError is why a node does not start, with the names that its settings have here.
type startError struct{ cause error }

func (e *startError) Error() string { return settingsHere.Replace(e.cause.Error()) }
func (e *startError) Unwrap() error { return e.cause }

var settingsHere = strings.NewReplacer("(peer-address)", "(--peer-listen)", "(client-address)", "(--listen)", "(http-address)", "(--http-listen)")

// config checks the settings and makes them the daemon's.
func (s *serving) config(logger *slog.Logger) (daemon.Config, error) {
	members, err := s.members()
	if err != nil {
		return daemon.Config{}, err
	}
	if 3**s.heartbeat > *s.electionTimeout {
		return daemon.Config{}, usageError("--heartbeat %v is more than a third of --election-timeout %v: a leader would seem to be gone", s.heartbeat, s.electionTimeout)
	}
	c := daemon.Config{
		Member: raft.ID(s.id), Members: members, Join: s.join, Directory: s.data,
		PeerAddress: s.peerListen, ClientAddress: s.listen, HTTPAddress: s.httpListen,
		AdvertiseClient: s.advertise, AdvertiseHTTP: s.advertiseHTTP,
		ElectionTimeout: time.Duration(*s.electionTimeout), Heartbeat: time.Duration(*s.heartbeat), ScrubInterval: time.Duration(*s.scrubInterval), Logger: logger,
	}
	if c.PeerAddress == "" {
		c.PeerAddress = members[c.Member]
	}
	if c.HTTPAddress == "none" {
		c.HTTPAddress = ""
	}
	if c.PeerTLS, err = s.peerTLS(); err != nil {
		return daemon.Config{}, err
	}
	if c.ClientTLS, err = s.clientTLS(); err != nil {
		return daemon.Config{}, err
	}
	c.HTTPTLS = c.ClientTLS
	var errs []error
	for _, l := range s.listeners(c) {
		errs = append(errs, l.check(s.insecure))
	}
	return c, errors.Join(errs...)
}

func (s *serving) members() (map[raft.ID]string, error) {
	for _, needed := range []struct {
		name  string
		given bool
	}{{"id", s.id != 0}, {"data", s.data != ""}, {"peers", s.peers != ""}} {
		if !needed.given {
			return nil, usageError("--%s is missing (or %s, or the key %s in the configuration file)", needed.name, variable(needed.name), needed.name)
		}
	}
	members, err := daemon.ParseMembers(s.peers)
	if err != nil {
		return nil, usageError("--peers: %w", err)
	}
	if _, listed := members[raft.ID(s.id)]; !listed {
		return nil, usageError("--peers does not name this node, which is --id %d: %s", s.id, s.peers)
	}
	return members, checkMembers(members)
}

func checkMembers(members map[raft.ID]string) error {
	at := map[string]raft.ID{}
	for _, id := range slices.Sorted(maps.Keys(members)) {
		address := members[id]
		if _, err := hostOf(fmt.Sprintf("--peers, member %d", id), address); err != nil {
			return err
		}
		if other, taken := at[address]; taken {
			return usageError("--peers: members %d and %d have the same address %s", other, id, address)
		}
		at[address] = id
	}
	return nil
}

func (s *serving) peerTLS() (*tls.Config, error) {
	if !s.peerFiles.any() {
		return nil, nil
	}
	if s.peerFiles.certificate == "" || s.peerFiles.ca == "" {
		return nil, usageError("members check each other: --peer-cert, --peer-key and --peer-ca are needed together")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert}
	if err := s.peerFiles.load("--peer-cert", "--peer-key", config, &config.RootCAs); err != nil {
		return nil, err
	}
	config.ClientCAs = config.RootCAs
	return config, nil
}

func (s *serving) clientTLS() (*tls.Config, error) {
	if !s.clientFiles.any() {
		return nil, nil
	}
	if s.clientFiles.certificate == "" {
		return nil, usageError("clients are served by TLS only with --client-cert and --client-key")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if err := s.clientFiles.load("--client-cert", "--client-key", config, &config.ClientCAs); err != nil {
		return nil, err
	}
	if config.ClientCAs != nil {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

// listener is one of the addresses that a node listens on.
type listener struct {
	setting, address     string
	secure               bool
	files                string // the settings that would make it secure
	advertising, instead string // the setting that says what clients are told instead, and its value
}

func (s *serving) listeners(c daemon.Config) []listener {
	const peerFiles, clientFiles = "--peer-cert, --peer-key and --peer-ca", "--client-cert and --client-key"
	return []listener{
		{setting: "--peer-listen", address: c.PeerAddress, secure: c.PeerTLS != nil, files: peerFiles},
		{setting: "--listen", address: c.ClientAddress, secure: c.ClientTLS != nil, files: clientFiles,
			advertising: "--advertise", instead: c.AdvertiseClient},
		{setting: "--http-listen", address: c.HTTPAddress, secure: c.HTTPTLS != nil, files: clientFiles,
			advertising: "--advertise-http", instead: c.AdvertiseHTTP},
	}
}

// check keeps a node from serving strangers in the clear by mistake, and from telling clients an address that is none.
func (l listener) check(insecure bool) error {
	if l.address == "" {
		return nil
	}
	host, err := hostOf(l.setting, l.address)
	if err != nil {
		return err
	}
	if !l.secure && !insecure && !isLoopback(host) {
		return usageError("%s %s is reachable from other machines: give %s, or --insecure if you mean it", l.setting, l.address, l.files)
	}
	if l.instead != "" {
		_, err := hostOf(l.advertising, l.instead)
		return err
	}
	if l.advertising != "" && isWildcard(host) {
		return usageError("%s %s names no address that clients could use: say it with %s", l.setting, l.address, l.advertising)
	}
	return nil
}

func hostOf(setting, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", usageError("%s: %q is not of the form host:port", setting, address)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return "", usageError("%s: %q has no port: %q is none", setting, address, port)
	}
	return host, nil
}

// isLoopback does not ask a resolver: what a name means may change after the check.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func isWildcard(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}
