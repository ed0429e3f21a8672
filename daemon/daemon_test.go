package daemon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"lockd/daemon"
	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

// session opens a session at the leader.
func (c *cluster) session(client lockdv1.LockdClient) uint64 {
	opened, err := client.OpenSession(within(c.t), &lockdv1.OpenSessionRequest{Ttl: durationpb.New(time.Hour), Owner: "test"})
	require.NoError(c.t, err)
	return opened.GetSession()
}

func TestThreeMembersElectALeaderAndServe(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	client := c.clients[c.leader()]
	session := c.session(client)

	granted, err := client.Acquire(within(t), &lockdv1.AcquireRequest{Name: "video/17", Session: session, Value: "worker"})
	require.NoError(t, err)
	require.Equal(t, lockdv1.Result_OK, granted.GetStatus())
	require.NotZero(t, granted.GetToken())

	shown, err := client.Show(within(t), &lockdv1.ShowRequest{Name: "video/17"})
	require.NoError(t, err)
	require.Equal(t, granted.GetToken(), shown.GetLock().GetToken())
	require.Equal(t, "worker", shown.GetLock().GetValue())
	listed, err := client.List(within(t), &lockdv1.ListRequest{Prefix: "video/"})
	require.NoError(t, err)
	require.Len(t, listed.GetLocks(), 1)
	sessions, err := client.ListSessions(within(t), &lockdv1.ListSessionsRequest{})
	require.NoError(t, err)
	require.Len(t, sessions.GetSessions(), 1)
	checked, err := client.Check(within(t), &lockdv1.CheckRequest{Name: "video/17", Token: granted.GetToken()})
	require.NoError(t, err)
	require.True(t, checked.GetValid())

	_, err = client.Release(within(t), &lockdv1.ReleaseRequest{Name: "video/17", Token: granted.GetToken()})
	require.NoError(t, err)
	_, err = client.Release(within(t), &lockdv1.ReleaseRequest{Name: "video/17", Token: granted.GetToken()})
	require.Equal(t, codes.FailedPrecondition, status.Code(err), "a token that was given back is stale")
}

func TestAMemberServesWhileItKnowsALeader(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	last := c.leader()
	for id := range c.members {
		require.True(t, c.serving(id))
		if id != last {
			c.stop(id)
		}
	}
	await(t, func() bool { return !c.serving(last) })
	require.ErrorContains(t, c.nodes[last].Ready(within(t)), "no leader is known")
}

func TestASnapshotReplacesTheOldLog(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	config := c.configs[1]
	config.Limits = daemon.Limits{SnapshotBytes: 64 << 10, SegmentBytes: 32 << 10}
	c.configs[1] = config
	c.start(1)
	c.awaitReady(1)
	session := c.session(c.clients[c.leader()])
	held := c.acquire("kept", session, 1)
	for i := range 60 {
		value := &lockdv1.AcquireRequest{Name: fmt.Sprint("lock-", i), Session: session, Value: strings.Repeat("v", 4000)}
		_, err := c.clients[1].Acquire(within(t), value)
		require.NoError(t, err)
	}
	c.awaitLog(1, "snapshot saved")
	first := filepath.Join(config.Directory, fmt.Sprintf("%016x.segment", 1))
	await(t, func() bool { _, err := os.Stat(first); return os.IsNotExist(err) })
	c.stop(1)
	c.start(1)
	c.awaitReady(1)
	checked, err := c.clients[1].Check(within(t), &lockdv1.CheckRequest{Name: "kept", Token: held})
	require.NoError(t, err)
	require.True(t, checked.GetValid())
	require.NotContains(t, c.logs[1].String(), "damage")
}

func TestAFollowerNamesTheLeader(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	leader := c.leader()
	_, err := c.clients[c.follower()].OpenSession(within(t), &lockdv1.OpenSessionRequest{Ttl: durationpb.New(time.Hour)})
	refusal := wire.RefusalIn(err)
	require.Equal(t, lockdv1.Refusal_NOT_LEADER, refusal.GetReason(), err)
	require.Equal(t, uint64(leader), refusal.GetLeaderId())
	require.Equal(t, c.nodes[leader].ClientAddress(), refusal.GetLeaderAddress())
	require.Equal(t, c.nodes[leader].HTTPAddress(), refusal.GetLeaderHttp())
}

func TestAFollowerAnswersQueries(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	leader := c.leader()
	token := c.acquire("kept", c.session(c.clients[leader]), 1)
	checked, err := c.clients[c.follower()].Check(within(t), &lockdv1.CheckRequest{Name: "kept", Token: token})
	require.NoError(t, err)
	require.True(t, checked.GetValid())
	response, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).
		Get("http://" + c.nodes[c.follower()].HTTPAddress() + "/v1/locks/kept")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode, "and sends nobody elsewhere")
}

// post asks as curl -L does: it follows a redirect with method and body.
func post(t *testing.T, url, body string, answer any) int {
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.NoError(t, json.NewDecoder(response.Body).Decode(answer))
	return response.StatusCode
}

func TestHTTPLeadsToTheLeader(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	c.leader()
	base := "http://" + c.nodes[c.follower()].HTTPAddress()
	var opened struct{ Session string }
	require.Equal(t, http.StatusOK, post(t, base+"/v1/sessions", `{"ttl":"60s"}`, &opened))
	var granted struct{ Status, Token string }
	require.Equal(t, http.StatusOK, post(t, base+"/v1/locks/a%20b/c/acquire", `{"session":"`+opened.Session+`"}`, &granted))
	require.Equal(t, "OK", granted.Status)
	var checked struct{ Valid bool }
	require.Equal(t, http.StatusOK, post(t, base+"/v1/locks/a%20b/c/check", `{"token":"`+granted.Token+`"}`, &checked))
	require.True(t, checked.Valid)
	var released struct{ Status string }
	require.Equal(t, http.StatusOK, post(t, base+"/v1/locks/a%20b/c/release", `{"token":"`+granted.Token+`"}`, &released))

	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/openapi.json", "/v1/status"} {
		response, err := http.Get(base + path)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode, path)
	}
}

func TestMetricsTellWhatAnOperatorAsks(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	c.acquire("a", c.session(c.clients[1]), 1)
	response, err := http.Get("http://" + c.nodes[1].HTTPAddress() + "/metrics")
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	for _, line := range []string{
		"lockd_is_leader 1", "lockd_sessions 1", "lockd_locks 1", "lockd_waiters 0", "lockd_grants_total 1", "lockd_expiries_total 0",
		"lockd_renewals_total 0", "lockd_elections_won_total 1", "lockd_apply_lag 0", "lockd_inbox_events", "lockd_disk_records",
		"lockd_fsync_seconds_count", "lockd_loop_seconds_count", "lockd_record_bytes_total", `lockd_refusals_total{reason="not_leader"} 0`, "lockd_proposals_total 2",
	} {
		require.Contains(t, string(text), line)
	}
}

func TestWhoeverStillWaitsIsAnsweredWhenTheNodeStops(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	client, node := c.clients[1], c.nodes[1]
	session := c.session(client)
	c.acquire("a", session, 1)
	ended := make(chan error, 1)
	go func() {
		_, err := client.Acquire(within(t), &lockdv1.AcquireRequest{Name: "a", Session: session, Sequence: 2, Wait: durationpb.New(-time.Second)})
		ended <- err
	}()
	await(t, func() bool {
		shown, err := client.Show(within(t), &lockdv1.ShowRequest{Name: "a"})
		return err == nil && len(shown.GetWaiters()) == 1
	})
	require.NoError(t, node.Stop(within(t)))
	err := <-ended
	require.Equal(t, lockdv1.Refusal_UNKNOWN, wire.RefusalIn(err).GetReason(), err)
}

// stream is a Connect stream as a client sees it.
type stream struct {
	t      testing.TB
	stream lockdv1.Lockd_ConnectClient
}

func (c *cluster) connect(ctx context.Context, client lockdv1.LockdClient) *stream {
	s, err := client.Connect(ctx)
	require.NoError(c.t, err)
	return &stream{c.t, s}
}

func (s *stream) send(calls ...wire.Call) {
	frame, refused := wire.CallsToProto(calls)
	require.Empty(s.t, refused)
	require.NoError(s.t, s.stream.Send(frame))
}

func (s *stream) receive() []wire.Reply {
	frame, err := s.stream.Recv()
	require.NoError(s.t, err)
	replies, err := wire.RepliesFromProto(frame)
	require.NoError(s.t, err)
	return replies
}

func (s *stream) ask(id uint64, request server.Request) server.Answer {
	s.send(wire.Call{ID: id, Request: request})
	replies := s.receive()
	require.Len(s.t, replies, 1)
	require.Equal(s.t, id, replies[0].ID)
	return replies[0].Answer
}

func TestAStreamCarriesACallWhileAnotherWaits(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	s := c.connect(within(t), c.clients[c.leader()])
	session := s.ask(1, lockfsm.Open{TTL: time.Hour}).(lockfsm.Result).Session
	first := s.ask(2, lockfsm.Acquire{Request: lockfsm.Request{Session: session, Sequence: 1}, Name: "a"}).(lockfsm.Result)
	require.Equal(t, lockfsm.OK, first.Status)
	s.send(wire.Call{ID: 3, Request: lockfsm.Acquire{Request: lockfsm.Request{Session: session, Sequence: 2}, Name: "a", Wait: lockfsm.Forever}})
	require.Equal(t, lockfsm.OK, s.ask(4, lockfsm.Renew{Sessions: []lockfsm.SessionID{session}}).(lockfsm.Result).Status)
	s.send(wire.Call{ID: 5, Request: lockfsm.Release{Name: "a", Token: first.Token}})
	tokens := map[uint64]lockfsm.Token{}
	for len(tokens) < 2 {
		for _, r := range s.receive() {
			tokens[r.ID] = r.Answer.(lockfsm.Result).Token
		}
	}
	require.Greater(t, tokens[3], first.Token, "the waiter is granted a higher token")
}

func TestAWaitThatNobodyAsksForAgainIsWithdrawn(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	client := c.clients[c.leader()]
	session := c.session(client)
	_, err := client.Acquire(within(t), &lockdv1.AcquireRequest{Name: "a", Session: session})
	require.NoError(t, err)
	waiters := func(n int) func() bool {
		return func() bool {
			shown, err := client.Show(within(t), &lockdv1.ShowRequest{Name: "a"})
			return err == nil && len(shown.GetWaiters()) == n
		}
	}
	forever := &lockdv1.AcquireRequest{Name: "a", Session: session, Wait: durationpb.New(-time.Second)}

	ctx, hangup := context.WithCancel(within(t))
	ended := make(chan error, 1)
	go func() {
		_, err := client.Acquire(ctx, forever)
		ended <- err
	}()
	await(t, waiters(1))
	hangup()
	require.Equal(t, codes.Canceled, status.Code(<-ended))
	await(t, waiters(0))

	ctx, hangup = context.WithCancel(within(t))
	s := c.connect(ctx, client)
	s.send(wire.Call{ID: 1, Request: lockfsm.Acquire{Request: lockfsm.Request{Session: lockfsm.SessionID(session)}, Name: "a", Wait: lockfsm.Forever}})
	await(t, waiters(1))
	hangup()
	await(t, waiters(0))
}

// acquire gets a lock from whoever leads, following changes of leadership.
func (c *cluster) acquire(name string, session, sequence uint64) (token uint64) {
	c.t.Helper()
	await(c.t, func() bool {
		granted, err := c.clients[c.leader()].Acquire(within(c.t), &lockdv1.AcquireRequest{Name: name, Session: session, Sequence: sequence})
		if err != nil {
			return false
		}
		require.Equal(c.t, lockdv1.Result_OK, granted.GetStatus())
		token = granted.GetToken()
		return true
	})
	return token
}

func TestAnotherMemberServesWhenTheLeaderIsStopped(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	leader := c.leader()
	session := c.session(c.clients[leader])
	before := c.acquire("a", session, 1)
	began := time.Now()
	c.stop(leader)
	// It may hear of its successor's election and from the successor itself in one breath.
	require.Regexp(t, "leader lost|became follower", c.logs[leader].String(), "it did not end before another had taken over")
	require.Greater(t, c.acquire("b", session, 2), before)
	t.Logf("the next grant came %v after the order to stop", time.Since(began))

	c.start(leader)
	c.awaitReady(leader)
	c.awaitLog(leader, "became follower")
}

func TestRestartsForgetNothing(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	session := c.session(c.clients[c.leader()])
	first := c.acquire("a", session, 1)
	for id := range c.members {
		c.stop(id)
	}
	for id := range c.members {
		c.start(id)
	}
	checked, err := c.clients[c.leader()].Check(within(t), &lockdv1.CheckRequest{Name: "a", Token: first})
	await(t, func() bool {
		checked, err = c.clients[c.leader()].Check(within(t), &lockdv1.CheckRequest{Name: "a", Token: first})
		return err == nil
	})
	require.True(t, checked.GetValid(), "the lock is still held")
	require.Equal(t, first, c.acquire("a", session, 1), "a repeated Acquire finds its first answer")
	require.Greater(t, c.acquire("b", session, 2), first)
}

func TestOneMemberAloneServes(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	require.NotZero(t, c.acquire("a", c.session(c.clients[1]), 1))
	began := time.Now()
	c.stop(1)
	require.Less(t, time.Since(began), patience/2, "it waits for nobody to take over")
}
