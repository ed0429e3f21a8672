package fence_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"lockd/fence"
)

// A holder that was stopped past its lease comes back and writes.
func Example() {
	guard := fence.New()
	document := "draft"
	write := func(token fence.Token, text string) error {
		return guard.Do(context.Background(), "document", token, func() error {
			document = text
			return nil
		})
	}

	fmt.Println(write(34, "by A")) // A holds the lock under token 34
	fmt.Println(write(35, "by B")) // A's lease ran out: B holds it under 35
	fmt.Println(write(34, "by A, late"))
	fmt.Println(document)
	// Output:
	// <nil>
	// <nil>
	// fence: stale fencing token: resource "document" has seen token 35, which is higher than 34
	// by B
}

// Whoever is refused as stale has lost the lock, and learns how far behind it is.
func ExampleStaleError() {
	guard := fence.New()
	nothing := func() error { return nil }
	_ = guard.Do(context.Background(), "document", 35, nothing)
	err := guard.Do(context.Background(), "document", 34, nothing)

	if stale, ok := errors.AsType[*fence.StaleError](err); ok {
		fmt.Printf("%d came too late, %d was here\n", stale.Token, stale.Highest)
	}
	// Output:
	// 34 came too late, 35 was here
}

// The owner of the resource is restarted, and still knows whom to refuse.
func ExampleOpen() {
	parent, err := os.MkdirTemp("", "fence")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	nothing := func() error { return nil }

	guard, err := fence.Open(filepath.Join(parent, "marks"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(guard.Do(context.Background(), "document", 35, nothing))
	guard.Close()

	guard, err = fence.Open(filepath.Join(parent, "marks"))
	if err != nil {
		log.Fatal(err)
	}
	defer guard.Close()
	fmt.Println(guard.Do(context.Background(), "document", 34, nothing))
	// Output:
	// <nil>
	// fence: stale fencing token: resource "document" has seen token 35, which is higher than 34
}

// Every document that a server serves is a resource of its own.
func ExampleGuard_Handler() {
	documents := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "the document", r.PathValue("name"))
	})
	guard := fence.New()
	byName := func(r *http.Request) string { return r.PathValue("name") }
	mux := http.NewServeMux()
	mux.Handle("/documents/{name}", guard.Handler(byName, documents))

	for _, token := range []string{"35", "34"} {
		request := httptest.NewRequest(http.MethodGet, "/documents/plan", nil)
		request.Header.Set(fence.TokenHeader, token)
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, request)
		fmt.Print(answer.Code, " ", answer.Header().Get(fence.HighestHeader), " ", answer.Body)
	}
	// Output:
	// 200  the document plan
	// 412 35 fence: stale fencing token: resource "plan" has seen token 35, which is higher than 34
}
