package fence

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// byPath takes the path of the request for the resource.
func byPath(r *http.Request) string { return r.URL.Path }

// guarded serves a handler behind the guard, and returns a function that sends a request
// with these values of the token header.
func guarded(t *testing.T, guard *Guard, next http.HandlerFunc) func(method, path, body string, tokens ...string) answer {
	server := httptest.NewServer(guard.Handler(byPath, next))
	t.Cleanup(server.Close)
	return func(method, path, body string, tokens ...string) answer {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		request.Header[TokenHeader] = tokens
		response, err := server.Client().Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return answer{response.StatusCode, response.Header.Get(HighestHeader), strings.TrimSpace(string(text))}
	}
}

type answer struct {
	status  int
	highest string
	text    string
}

// store is a document behind HTTP.
func store(document *string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			*document = string(body)
		}
		_, _ = io.WriteString(w, *document)
	}
}

func TestALateRequestIsAnsweredWithTheHighestToken(t *testing.T) {
	document := "one"
	send := guarded(t, New(), store(&document))
	require.Equal(t, answer{200, "", "one"}, send("GET", "/document", "", "34"), "A reads")
	require.Equal(t, answer{200, "", "one"}, send("GET", "/document", "", "35"), "B reads")
	require.Equal(t, answer{412, "35", `fence: stale fencing token: resource "/document" has seen token 35, which is higher than 34`},
		send("PUT", "/document", "one, A", "34"), "A's late write")
	require.Equal(t, answer{200, "", "one, B"}, send("PUT", "/document", "one, B", "35"), "B writes what it made of its reading")
	require.Equal(t, answer{200, "", "one, B"}, send("GET", "/elsewhere", "", "1"))
}

func TestARequestMustBringAToken(t *testing.T) {
	send := guarded(t, New(), func(http.ResponseWriter, *http.Request) { t.Error("let in") })
	require.Equal(t, answer{428, "", "this resource is guarded: send the token of your lock in the header Fencing-Token"},
		send("GET", "/a", ""))
	malformed := answer{400, "", "the header Fencing-Token must be given once, as a decimal number from 1 to 2^64-1"}
	for _, tokens := range [][]string{
		{""}, {"0"}, {"-1"}, {"+1"}, {"x"}, {"0x10"}, {"1_000"}, {"1.0"}, {"18446744073709551616"}, {"7, 8"}, {"7", "8"}, {"7", "7"},
	} {
		require.Equal(t, malformed, send("GET", "/a", "", tokens...), "%q", tokens)
	}
}

// A request that is still being answered keeps the next holder's out: else its late write
// would land between the next one's reading and writing.
func TestARequestKeepsItsResourceUntilItIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var story []string
		finish := make(chan struct{})
		handler := New().Handler(byPath, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				<-finish
			}
			story = append(story, r.Method+" "+r.URL.Path+" "+r.Header.Get(TokenHeader))
		}))
		send := func(method, path, token string) {
			request := httptest.NewRequest(method, path, nil)
			request.Header.Set(TokenHeader, token)
			handler.ServeHTTP(httptest.NewRecorder(), request)
		}
		go send("PUT", "/a", "34")
		synctest.Wait()
		go send("GET", "/a", "35")
		synctest.Wait()
		send("GET", "/b", "1")
		close(finish)
		synctest.Wait()
		require.Equal(t, []string{"GET /b 1", "PUT /a 34", "GET /a 35"}, story)
	})
}

// A client that has given up must not be served later: it no longer hears the answer.
func TestAWaitingRequestLeavesWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := New()
		finish := make(chan struct{})
		go func() { _ = guard.Do(t.Context(), "/a", 34, func() error { <-finish; return nil }) }()
		synctest.Wait()

		ctx, leave := context.WithCancel(t.Context())
		request := httptest.NewRequestWithContext(ctx, "PUT", "/a", nil)
		request.Header.Set(TokenHeader, "35")
		recorder := httptest.NewRecorder()
		handler := guard.Handler(byPath, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("let in") }))
		go handler.ServeHTTP(recorder, request)
		synctest.Wait()
		leave()
		synctest.Wait()
		require.Equal(t, http.StatusServiceUnavailable, recorder.Code)
		close(finish)
	})
}

func TestAHandlerThatPanicsLeavesTheResourceFree(t *testing.T) {
	guard := New()
	handler := guard.Handler(byPath, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	request := httptest.NewRequest("PUT", "/a", nil)
	request.Header.Set(TokenHeader, "34")
	require.Panics(t, func() { handler.ServeHTTP(httptest.NewRecorder(), request) })
	require.NoError(t, present(guard, "/a", 34))
}

func TestAGuardOutOfServiceSaysSoAndTellsItsOwnerWhy(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)

	failing := false
	disk := unsynced
	disk.sync = func(*os.File) error {
		if failing {
			return errDisk
		}
		return nil
	}
	guard := reopen(t, t.TempDir(), disk)
	failing = true
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest("PUT", "/a", nil)
	request.Header.Set(TokenHeader, "34")
	guard.Handler(byPath, store(new(string))).ServeHTTP(recorder, request)

	require.Equal(t, http.StatusServiceUnavailable, recorder.Code)
	require.Equal(t, "the guard of this resource cannot let anybody in now\n", recorder.Body.String())
	require.Contains(t, log.String(), "fence: guard out of service: the disk says no")
}
