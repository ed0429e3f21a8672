package cluster

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"lockd/fence"
)

// resource is what the locks protect: a register for each of them, which holders read, change and write back over HTTP, with their
// token in each request. The guard stands before it, unless it was taken away.
//
// A resource knows best what has become of it: whoever writes says which value they had read, and if that is not the value that they
// replace, then somebody's write is lost.
type resource struct {
	listener net.Listener
	server   *http.Server

	mutex     sync.Mutex // guards what follows; the guard, if any, has let one request on each register in
	registers map[string]*register
	lost      []string
}

type register struct {
	value  uint64
	writer string // of the value
	token  uint64 // of the last write
}

// openResource serves on a free loopback port.
func openResource(guarded bool) (*resource, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the resource: %w", err)
	}
	r := &resource{listener: listener, registers: map[string]*register{}}
	var handler http.Handler = r
	if guarded {
		handler = fence.New().Handler(lockOf, r)
	}
	r.server = &http.Server{
		Handler:     handler,
		ReadTimeout: 2 * time.Second, // a client that stands still in the middle of its request must not keep the others out
		ErrorLog:    log.New(io.Discard, "", 0),
	}
	go r.server.Serve(listener) //nolint:errcheck // it ends with close
	return r, nil
}

func (r *resource) url() string { return "http://" + r.listener.Addr().String() }

func (r *resource) close() { _ = r.server.Close() }

func lockOf(request *http.Request) string { return strings.TrimPrefix(request.URL.Path, "/") }

// ServeHTTP reads a register, or writes it: the body names the value that was read, the new one and the writer.
func (r *resource) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	name := lockOf(request)
	token, _ := strconv.ParseUint(request.Header.Get(fence.TokenHeader), 10, 64) // the guard looks closer
	if request.Method != http.MethodPut {
		fmt.Fprint(w, r.read(name))
		return
	}
	var base, value uint64
	var writer string
	if _, err := fmt.Fscan(request.Body, &base, &value, &writer); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.write(name, token, base, register{value, writer, token})
}

func (r *resource) register(name string) *register {
	if r.registers[name] == nil {
		r.registers[name] = &register{}
	}
	return r.registers[name]
}

func (r *resource) read(name string) uint64 {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.register(name).value
}

func (r *resource) write(name string, token, base uint64, after register) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	before := r.register(name)
	if before.value != base {
		r.lost = append(r.lost, fmt.Sprintf("lost update of %q: %s, with token %d, replaced what %s had written with token %d, and had never read it",
			name, after.writer, token, before.writer, before.token))
	}
	*before = after
}

// losses are sentences about writes that were lost.
func (r *resource) losses() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]string(nil), r.lost...)
}

// visitor is a client's side of the resource.
type visitor struct {
	url  string
	http *http.Client
}

func newVisitor(url string) *visitor {
	return &visitor{url: url + "/", http: &http.Client{Timeout: 5 * time.Second}}
}

// read tells the value, and whether it was let in. An error says that nothing is known.
func (v *visitor) read(ctx context.Context, name string, token uint64) (value uint64, allowed bool, err error) {
	body, allowed, err := v.demand(ctx, http.MethodGet, name, token, "")
	if err != nil || !allowed {
		return 0, false, err
	}
	value, err = strconv.ParseUint(body, 10, 64)
	return value, true, err
}

func (v *visitor) write(ctx context.Context, name string, token, base, value uint64, writer string) (allowed bool, err error) {
	_, allowed, err = v.demand(ctx, http.MethodPut, name, token, fmt.Sprintln(base, value, writer))
	return allowed, err
}

func (v *visitor) demand(ctx context.Context, method, name string, token uint64, body string) (answer string, allowed bool, err error) {
	request, err := http.NewRequestWithContext(ctx, method, v.url+name, strings.NewReader(body))
	if err != nil {
		return "", false, err
	}
	request.Header.Set(fence.TokenHeader, strconv.FormatUint(token, 10))
	response, err := v.http.Do(request)
	if err != nil {
		return "", false, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return "", false, err
	case response.StatusCode == http.StatusPreconditionFailed:
		return "", false, nil
	case response.StatusCode != http.StatusOK:
		return "", false, fmt.Errorf("%s: %s", response.Status, text)
	}
	return string(text), true, nil
}
