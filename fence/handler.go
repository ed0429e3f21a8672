package fence

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
)

const (
	// TokenHeader is the request header that carries the token, a decimal number.
	TokenHeader = "Fencing-Token"
	// HighestHeader is the response header that tells whoever was refused as stale the
	// highest token that the resource has seen.
	HighestHeader = "Fencing-Token-Highest"
)

// Handler guards the requests that it passes to next, readings and writings alike, as Do
// guards operations: while next answers one, no other request on the same resource is let in.
// The function names the resource that a request is about.
//
// It refuses, with the reason in plain text:
//
//	428 Precondition Required   no Fencing-Token header
//	400 Bad Request             one that is no decimal number from 1 to 2^64-1, or two of them
//	412 Precondition Failed     a stale token; Fencing-Token-Highest and the text name the highest
//	503 Service Unavailable     the guard is closed or cannot keep its marks
//
// A client that stops in the middle of its request body keeps the resource for itself for as
// long as the server waits: set the server's ReadTimeout.
func (g *Guard) Handler(resource func(*http.Request) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		values := r.Header.Values(TokenHeader)
		if len(values) == 0 {
			http.Error(w, "this resource is guarded: send the token of your lock in the header "+
				TokenHeader, http.StatusPreconditionRequired)
			return
		}
		token, err := strconv.ParseUint(values[0], 10, 64)
		if len(values) > 1 || err != nil || token == 0 {
			http.Error(w, "the header "+TokenHeader+" must be given once, as a decimal number from 1 to 2^64-1",
				http.StatusBadRequest)
			return
		}
		err = g.Do(r.Context(), resource(r), Token(token), func() error {
			next.ServeHTTP(w, r)
			return nil
		})
		if err != nil {
			answerRefusal(w, r, err)
		}
	})
}

// answerRefusal tells the client why its request was not let in. What is wrong with the
// guard's own disk is for its owner's log, not for strangers.
func answerRefusal(w http.ResponseWriter, r *http.Request, refusal error) {
	if stale, ok := errors.AsType[*StaleError](refusal); ok {
		w.Header().Set(HighestHeader, strconv.FormatUint(uint64(stale.Highest), 10))
		http.Error(w, stale.Error(), http.StatusPreconditionFailed)
		return
	}
	if r.Context().Err() == nil {
		slog.ErrorContext(r.Context(), "request refused by its guard", "path", r.URL.Path, "error", refusal)
	}
	http.Error(w, "the guard of this resource cannot let anybody in now", http.StatusServiceUnavailable)
}
