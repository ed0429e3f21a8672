package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"lockd/wire"
	"lockd/wire/lockdv1"
)

// Bounds of what an HTTP client may send. The time that a request takes to be answered is not bounded: it may wait for a lock.
const (
	maxHeader = 64 << 10 // bytes
	maxBody   = 64 << 10 // bytes: the longest value, with every letter of it escaped, and room to spare

	headerTimeout = 5 * time.Second
	bodyTimeout   = 5 * time.Second
	idleTimeout   = 2 * time.Minute
)

// HTTPConfig sets up the HTTP front.
type HTTPConfig struct {
	Listener net.Listener
	TLS      *tls.Config // nil: in the clear
	Clients  *Clients    // whose service it is
	Metrics  http.Handler
	// Healthy says what is wrong with the process itself, Ready why no call should be sent here. Nil: all is well.
	Healthy, Ready func(context.Context) error
	Logger         *slog.Logger
}

// HTTP serves lockd.v1 as JSON, its description, and what operators ask a process. Make it with NewHTTP.
type HTTP struct {
	server *http.Server
	ended  chan struct{}
}

// NewHTTP begins to serve.
func NewHTTP(config HTTPConfig) *HTTP {
	gateway := runtime.NewServeMux(runtime.WithErrorHandler(redirector{secure: config.TLS != nil}.answer))
	if err := lockdv1.RegisterLockdHandlerServer(context.Background(), gateway, config.Clients); err != nil {
		panic(fmt.Sprintf("transport: the JSON gateway does not take the service: %v", err))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi.json", openAPI)
	mux.Handle("GET /metrics", config.Metrics)
	mux.Handle("GET /healthz", probe(config.Healthy))
	mux.Handle("GET /readyz", probe(config.Ready))
	h := &HTTP{ended: make(chan struct{}), server: &http.Server{
		Handler:           byPath(whole{gateway}, mux),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(config.Logger.Handler(), slog.LevelDebug), // what strangers send is no news
	}}
	listener := config.Listener
	if config.TLS != nil {
		listener = tls.NewListener(listener, config.TLS)
	}
	go func() {
		defer close(h.ended)
		_ = h.server.Serve(listener) // it ends with Close only: a failed accept is retried within
	}()
	return h
}

// Close lets requests finish until ctx ends. Whatever is still on its way then is cut off.
func (h *HTTP) Close(ctx context.Context) error {
	err := h.server.Shutdown(ctx)
	if ctx.Err() != nil {
		err = h.server.Close()
	}
	<-h.ended
	if errors.Is(err, net.ErrClosed) {
		return nil // Shutdown had closed the listener
	}
	return err
}

// byPath sends the calls of the service to the gateway, and all else to the rest. No ServeMux is above the gateway, because it
// would clean the path: a//b is a lock's name, and not another way to write a/b.
func byPath(gateway, rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			gateway.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// whole reads the body of a call before the gateway sees it. So the time for the body is bounded,
// and the time that the call then waits for a lock is not.
type whole struct{ gateway *runtime.ServeMux }

func (b whole) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(bodyTimeout)) // fails for a closed connection only, and then so does the read
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		b.refuse(w, r, err)
		return
	}
	_ = connection.SetReadDeadline(time.Time{}) // else it would end the wait for a lock
	r.Body = io.NopCloser(bytes.NewReader(body))
	b.gateway.ServeHTTP(w, r)
}

func (b whole) refuse(w http.ResponseWriter, r *http.Request, err error) {
	code := http.StatusBadRequest
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		code = http.StatusRequestEntityTooLarge
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		code = http.StatusRequestTimeout
	}
	w.Header().Set("Connection", "close") // the rest of the body may be on its way
	_, marshaler := runtime.MarshalerForRequest(b.gateway, r)
	cause := status.Errorf(codes.InvalidArgument, "the body could not be read: %v", err)
	runtime.HTTPError(r.Context(), b.gateway, marshaler, w, r, &runtime.HTTPStatusError{HTTPStatus: code, Err: cause})
}

func openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, lockdv1.OpenAPI) // a reader that went away needs no answer
}

// probe answers 200 when all is well, and else 503 with the reason.
func probe(check func(context.Context) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		text := "ok\n"
		if err := check(r.Context()); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			text = err.Error() + "\n"
		}
		_, _ = io.WriteString(w, text) // as above
	})
}

// redirector answers a call that another member would take with 307 and that member's address, so
// that a client that follows redirects repeats the call there. The body is the same as without.
type redirector struct{ secure bool }

func (d redirector) answer(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	refusal := wire.RefusalIn(err)
	if refusal.GetReason() != lockdv1.Refusal_NOT_LEADER || refusal.GetLeaderHttp() == "" {
		runtime.DefaultHTTPErrorHandler(ctx, mux, m, w, r, err)
		return
	}
	location := *r.URL
	location.Scheme, location.Host = "http", refusal.GetLeaderHttp()
	if d.secure {
		location.Scheme = "https"
	}
	body := &held{ResponseWriter: w}
	runtime.DefaultHTTPErrorHandler(ctx, mux, m, body, r, err)
	w.Header().Set("Location", location.String())
	w.WriteHeader(http.StatusTemporaryRedirect)
	_, _ = w.Write(body.Bytes()) // as above
}

// held keeps the body back, and the status out.
type held struct {
	http.ResponseWriter
	bytes.Buffer
}

func (h *held) Header() http.Header         { return h.ResponseWriter.Header() }
func (h *held) WriteHeader(int)             {}
func (h *held) Write(p []byte) (int, error) { return h.Buffer.Write(p) }
