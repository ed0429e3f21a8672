package lockdv1_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

// recorder answers every call with a grant and keeps what it was asked.
type recorder struct {
	lockdv1.UnimplementedLockdServer
	asked proto.Message
}

var granted = &lockdv1.Result{
	Status: lockdv1.Result_OK, Token: 1 << 60, CurrentToken: 1 << 60, LastToken: 1 << 60,
	Ttl: durationpb.New(1500 * time.Millisecond),
}

func (r *recorder) OpenSession(_ context.Context, m *lockdv1.OpenSessionRequest) (*lockdv1.Result, error) {
	r.asked = m
	return granted, nil
}

func (r *recorder) CloseSession(_ context.Context, m *lockdv1.CloseSessionRequest) (*lockdv1.Result, error) {
	r.asked = m
	return granted, nil
}

func (r *recorder) Acquire(_ context.Context, m *lockdv1.AcquireRequest) (*lockdv1.Result, error) {
	r.asked = m
	return granted, nil
}

func (r *recorder) Release(_ context.Context, m *lockdv1.ReleaseRequest) (*lockdv1.Result, error) {
	r.asked = m
	return wire.Response[*lockdv1.Result](lockfsm.Result{Status: lockfsm.StaleToken, Current: 9, Last: 12}, wire.Address{})
}

func (r *recorder) Cancel(_ context.Context, m *lockdv1.CancelRequest) (*lockdv1.Result, error) {
	r.asked = m
	return granted, nil
}

func (r *recorder) Check(_ context.Context, m *lockdv1.CheckRequest) (*lockdv1.CheckResponse, error) {
	r.asked = m
	return wire.Response[*lockdv1.CheckResponse](
		server.Refusal{Reason: server.NotLeader, Leader: 2, Detail: "Member 2 leads."}, wire.Address{HTTP: "two:7412"})
}

func (r *recorder) Show(_ context.Context, m *lockdv1.ShowRequest) (*lockdv1.ShowResponse, error) {
	r.asked = m
	return &lockdv1.ShowResponse{}, nil
}

func (r *recorder) List(_ context.Context, m *lockdv1.ListRequest) (*lockdv1.ListResponse, error) {
	r.asked = m
	return &lockdv1.ListResponse{}, nil
}

// ask sends one request through a gateway, and returns what the service was asked, the HTTP
// status and the JSON that came back.
func ask(t *testing.T, method, path, body string) (proto.Message, int, map[string]any) {
	service, mux := &recorder{}, runtime.NewServeMux()
	require.NoError(t, lockdv1.RegisterLockdHandlerServer(context.Background(), mux, service))
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(method, path, strings.NewReader(body)))
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &decoded), answer.Body)
	return service.asked, answer.Code, decoded
}

func TestALocksNameIsWhatStandsBeforeTheVerb(t *testing.T) {
	for path, name := range map[string]string{
		"/v1/locks/video/acquire":           "video",
		"/v1/locks/video/17/acquire":        "video/17",
		"/v1/locks/video%2F17/acquire":      "video/17",
		"/v1/locks/a%20b%3Fc%23d/acquire":   "a b?c#d",
		"/v1/locks/s3:bucket/acquire":       "s3:bucket",
		"/v1/locks/%C3%BCber/acquire":       "über",
		"/v1/locks/100%25/acquire":          "100%",
		"/v1/locks/release/acquire/acquire": "release/acquire",
	} {
		asked, code, _ := ask(t, http.MethodPost, path, `{"session":"7"}`)
		require.Equal(t, http.StatusOK, code, path)
		require.Equal(t, name, asked.(*lockdv1.AcquireRequest).GetName(), path)
	}
	for path, name := range map[string]string{
		"/v1/locks/video/17":    "video/17",
		"/v1/locks/video/check": "video/check",
		"/v1/locks/s3:bucket":   "s3:bucket",
	} {
		asked, code, _ := ask(t, http.MethodGet, path, "")
		require.Equal(t, http.StatusOK, code, path)
		require.Equal(t, name, asked.(*lockdv1.ShowRequest).GetName(), path)
	}
}

func TestLocksAreListedWhereTheyAreShown(t *testing.T) {
	asked, code, _ := ask(t, http.MethodGet, "/v1/locks?prefix=video%2F&limit=5", "")
	require.Equal(t, http.StatusOK, code)
	require.True(t, proto.Equal(&lockdv1.ListRequest{Prefix: "video/", Limit: 5}, asked), asked)
}

func TestNumbersAreStringsAndDurationsAreReadable(t *testing.T) {
	asked, code, answer := ask(t, http.MethodPost, "/v1/locks/video/acquire",
		`{"session":"18446744073709551615","sequence":3,"wait":"10s","value":"worker-3"}`)
	require.Equal(t, http.StatusOK, code)
	require.True(t, proto.Equal(&lockdv1.AcquireRequest{
		Name: "video", Session: 1<<64 - 1, Sequence: 3, Wait: durationpb.New(10 * time.Second), Value: "worker-3",
	}, asked), asked)
	require.Equal(t, "OK", answer["status"])
	require.Equal(t, "1152921504606846976", answer["token"])
	require.Equal(t, "1.500s", answer["ttl"])
}

func TestSessionsAreNamedInThePath(t *testing.T) {
	asked, _, _ := ask(t, http.MethodPost, "/v1/sessions", `{"ttl":"10s","owner":"curl"}`)
	require.True(t, proto.Equal(&lockdv1.OpenSessionRequest{Ttl: durationpb.New(10 * time.Second), Owner: "curl"}, asked), asked)
	asked, _, _ = ask(t, http.MethodDelete, "/v1/sessions/42", "")
	require.True(t, proto.Equal(&lockdv1.CloseSessionRequest{Session: 42}, asked), asked)
	asked, _, _ = ask(t, http.MethodPost, "/v1/sessions/42/cancel", `{"target":"5","sequence":"6"}`)
	require.True(t, proto.Equal(&lockdv1.CancelRequest{Session: 42, Target: 5, Sequence: 6}, asked), asked)
}

func TestARefusalCanBeReadInJSON(t *testing.T) {
	_, code, answer := ask(t, http.MethodPost, "/v1/locks/video/release", `{"token":"5"}`)
	require.Equal(t, http.StatusBadRequest, code)
	detail := answer["details"].([]any)[0].(map[string]any)
	require.Equal(t, "type.googleapis.com/lockd.v1.Refusal", detail["@type"])
	require.Equal(t, "STALE_TOKEN", detail["result"].(map[string]any)["status"])
	require.Equal(t, "9", detail["result"].(map[string]any)["currentToken"])

	_, code, answer = ask(t, http.MethodPost, "/v1/locks/video/check", `{"token":"5"}`)
	require.Equal(t, http.StatusServiceUnavailable, code)
	detail = answer["details"].([]any)[0].(map[string]any)
	require.Equal(t, "NOT_LEADER", detail["reason"])
	require.Equal(t, "two:7412", detail["leaderHttp"])
}

func TestTheOpenAPIDocumentNamesEveryPath(t *testing.T) {
	var document struct {
		Swagger string
		Paths   map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(lockdv1.OpenAPI), &document))
	require.Equal(t, "2.0", document.Swagger)
	for _, path := range []string{
		"/v1/sessions", "/v1/sessions/{session}", "/v1/sessions/{session}/renew", "/v1/sessions/{session}/cancel",
		"/v1/locks", "/v1/locks/{name}", "/v1/locks/{name}/acquire", "/v1/locks/{name}/release", "/v1/locks/{name}/check",
		"/v1/status", "/v1/leader/transfer",
	} {
		require.Contains(t, document.Paths, path)
	}
}
