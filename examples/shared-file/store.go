package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"lockd/fence"
)

// maxDocument bounds the document, in bytes.
const maxDocument = 1 << 20

// store serves the document in a file at /document until ctx ends.
func store(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("store", flag.ContinueOnError)
	address := flags.String("address", "127.0.0.1:8080", "where to listen")
	directory := flags.String("directory", ".", "keep the document and the guard's marks here")
	unguarded := flags.Bool("unguarded", false, "look at no token, to see what comes of it")
	if err := flags.Parse(arguments); err != nil {
		return errFlags
	}
	var handler http.Handler = document(filepath.Join(*directory, "document"))
	if !*unguarded {
		// The document outlives this process, and so must the highest token that it has seen.
		guard, err := fence.Open(filepath.Join(*directory, "marks"))
		if err != nil {
			return err
		}
		defer guard.Close()
		handler = guard.Handler(func(*http.Request) string { return "document" }, handler)
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	fmt.Printf("storing at http://%s\n", listener.Addr())
	return serve(ctx, listener, handler)
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler,
		// The guard lets one request in at a time. A client that stops in the middle of its body would
		// hold up all others.
		ReadTimeout: 5 * time.Second,
	}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// document is a file that can be read and replaced.
type document string

func (d document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/document" {
		http.NotFound(w, r)
		return
	}
	switch r.Method {
	case http.MethodGet:
		d.read(w)
	case http.MethodPut:
		d.replace(w, r)
	default:
		http.Error(w, "the document can be read with GET and replaced with PUT", http.StatusMethodNotAllowed)
	}
}

func (d document) read(w http.ResponseWriter) {
	content, err := os.ReadFile(string(d))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(content) // to a reader that may be gone
}

func (d document) replace(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDocument))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := d.write(content); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// write replaces the file as a whole: whoever reads it, after whatever crash, finds the old content or the new one.
func (d document) write(content []byte) error {
	draft, err := os.CreateTemp(filepath.Dir(string(d)), "draft-*")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name()) // fails once it has become the document
	_, err = draft.Write(content)
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	return os.Rename(draft.Name(), string(d))
}
