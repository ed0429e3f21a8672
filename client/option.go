package client

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc"

	"lockd/client/session"
	"lockd/internal/boottime"
	"lockd/lockfsm"
)

// longestNap bounds how long a timer runs before the clock is looked at: timers stand still while the machine sleeps.
const longestNap = time.Second

// Option changes what New assumes.
type Option func(*settings)

type settings struct {
	tls     *tls.Config // nil: in the clear
	owner   string
	drift   int64
	logger  *slog.Logger
	dialing []grpc.DialOption

	clock func() time.Duration
	nap   time.Duration
}

func newSettings(options []Option) settings {
	s := settings{
		owner:  defaultOwner(),
		drift:  session.DefaultDrift,
		logger: slog.New(slog.DiscardHandler),
		clock:  boottime.Now,
		nap:    longestNap,
	}
	for _, option := range options {
		option(&s)
	}
	return s
}

// WithTLS makes every connection a TLS connection. Without it they are in the clear. The configuration is used as it is; its
// ServerName may stay empty, then each endpoint's host is expected in its certificate.
func WithTLS(config *tls.Config) Option {
	return func(s *settings) { s.tls = config }
}

// WithOwner names the client to people who look at locks and queues: at most 255 bytes of text without control
// characters. Without it that is the host, the process's number and the program.
func WithOwner(owner string) Option {
	return func(s *settings) { s.owner = owner }
}

// WithDrift says how far the rate of any clock, here or at the servers, may be off, in parts per million: 1 to 500,000. A lease is
// believed in for TTL·(1−drift)/(1+drift). Without it that is 1,000, a millisecond in each second.
func WithDrift(partsPerMillion int) Option {
	return func(s *settings) { s.drift = int64(partsPerMillion) }
}

// WithLogger is told about connections that break and sessions that are lost. Without it nobody is.
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) { s.logger = logger }
}

// WithDialOptions adds to how connections are made: another dialer, say.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.dialing = append(s.dialing, options...) }
}

func (s *settings) check() error {
	switch {
	case s.drift < 1 || s.drift > session.Million/2:
		return fmt.Errorf("client: a drift of %d parts per million is not between 1 and %d", s.drift, session.Million/2)
	case lockfsm.Validate(lockfsm.Open{TTL: lockfsm.MinTTL, Owner: s.owner}) != lockfsm.OK:
		return fmt.Errorf("client: the owner %q is not text without control characters of at most %d bytes", s.owner, lockfsm.MaxOwner)
	}
	return nil
}

// defaultOwner is host:process program, without what an owner's name must not contain.
func defaultOwner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	owner := fmt.Sprintf("%s:%d %s", host, os.Getpid(), filepath.Base(os.Args[0]))
	owner = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(owner, "?"))
	for len(owner) > lockfsm.MaxOwner {
		_, size := utf8.DecodeLastRuneInString(owner)
		owner = owner[:len(owner)-size]
	}
	return owner
}
