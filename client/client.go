package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"lockd/client/session"
	"lockd/wire"
)

// How connections are kept. A server whose machine is gone, or whose packets vanish, is found out by a ping; an attempt to connect
// and the pause before the next one are short against any TTL.
const (
	pingAfter      = 10 * time.Second
	pingPatience   = 3 * time.Second
	connectTimeout = 2 * time.Second
	longestBackoff = 500 * time.Millisecond
	// maxResponse bounds a message from a server, in bytes: a page of a thousand locks with long values fits.
	maxResponse = 16 << 20
	// streamWindow and connectionWindow are how many bytes a server may send before they are taken. They stay as they are: to estimate
	// better ones, gRPC would ping the server at almost every frame, which costs as much as the frame.
	streamWindow, connectionWindow = 1 << 20, 4 << 20
)

// Client reaches one cluster. Its methods may be called from many goroutines.
type Client struct {
	settings  settings
	endpoints []string
	links     []*link
	guess     atomic.Int64 // the endpoint at which a unary call begins: who is thought to lead
	trouble   atomic.Pointer[error]

	mutex    sync.Mutex
	closed   bool
	closing  chan struct{}         // closed with closed
	sessions map[*Session]struct{} // those that did not end; none is added once the client is closed
}

// New makes a client of the cluster that serves gRPC at the endpoints, each as host:port. List every member. It does not
// connect yet: the first use does. An error says which endpoint or option is wrong.
func New(endpoints []string, options ...Option) (*Client, error) {
	c := &Client{
		settings:  newSettings(options),
		endpoints: slices.Clone(endpoints),
		closing:   make(chan struct{}),
		sessions:  make(map[*Session]struct{}),
	}
	if err := errors.Join(c.settings.check(), checkEndpoints(endpoints)); err != nil {
		return nil, err
	}
	for i, address := range endpoints {
		// The name is resolved anew by each attempt to connect, not by a resolver that keeps addresses.
		connection, err := grpc.NewClient("passthrough:///"+address, c.settings.dialOptions()...)
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("client: endpoint %s: %w", address, err)
		}
		c.links = append(c.links, &link{client: c, endpoint: session.Endpoint(i), address: address, connection: connection})
	}
	return c, nil
}

func checkEndpoints(endpoints []string) error {
	if len(endpoints) == 0 {
		return errors.New("client: no endpoint is given")
	}
	for i, address := range endpoints {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return fmt.Errorf("client: endpoint %q is not host:port", address)
		}
		if slices.Contains(endpoints[:i], address) {
			return fmt.Errorf("client: endpoint %s is given twice", address)
		}
	}
	return nil
}

func (s *settings) dialOptions() []grpc.DialOption {
	secrecy := insecure.NewCredentials()
	if s.tls != nil {
		secrecy = credentials.NewTLS(s.tls)
	}
	return append([]grpc.DialOption{
		grpc.WithTransportCredentials(secrecy),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: pingPatience}),
		grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: connectTimeout,
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: longestBackoff},
		}),
		grpc.WithStaticStreamWindowSize(streamWindow),
		grpc.WithStaticConnWindowSize(connectionWindow),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxResponse)),
	}, s.dialing...)
}

// Endpoints are the addresses that New was given, in its order.
func (c *Client) Endpoints() []string { return slices.Clone(c.endpoints) }

// Close drops the connections. Sessions that were not closed before are not renewed any more: nothing is held in
// them from here on, and the servers end them when their TTL has passed.
func (c *Client) Close() error {
	c.mutex.Lock()
	if !c.closed {
		c.closed = true
		close(c.closing)
	}
	sessions := slices.Collect(maps.Keys(c.sessions))
	c.mutex.Unlock()
	for _, s := range sessions {
		s.abandon()
	}
	var failures error
	for _, l := range c.links {
		failures = errors.Join(failures, l.connection.Close())
	}
	return failures
}

// admit takes a session in, to be abandoned with the client. It is false when the client is closed.
func (c *Client) admit(s *Session) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !c.closed {
		c.sessions[s] = struct{}{}
	}
	return !c.closed
}

func (c *Client) dismiss(s *Session) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	delete(c.sessions, s)
}

// locate is the endpoint at which a member serves clients, if it is among ours.
func (c *Client) locate(leader wire.Address) session.Endpoint {
	return session.Endpoint(slices.Index(c.endpoints, leader.Client)) // which is Nowhere when it isn't found
}

// note remembers the latest trouble since a server last answered, for the error of a caller whose time ends.
func (c *Client) note(address string, err error) {
	trouble := fmt.Errorf("%s: %w", address, err)
	c.trouble.Store(&trouble)
}

// outOfTime is the error of a caller whose context has ended before anybody answered.
func (c *Client) outOfTime(ctx context.Context, what string) error {
	late := &OutOfTimeError{Operation: what, Cause: context.Cause(ctx)}
	if trouble := c.trouble.Load(); trouble != nil {
		late.Trouble = *trouble
	}
	return late
}
