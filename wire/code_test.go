package wire

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire/lockdv1"
)

func statusesOnTheWire() []int32 {
	var statuses []int32
	for number := range int32(256) {
		if lockdv1.Result_Status_name[number] != "" && number != int32(lockdv1.Result_UNSPECIFIED) {
			statuses = append(statuses, number)
		}
	}
	return statuses
}

var wordBreak = regexp.MustCompile(`([a-z])([A-Z])|([A-Z])([A-Z][a-z])`)

// constants reads the names and numbers of a type's constants out of its source, as an enum of
// protobuf would spell them.
func constants(t *testing.T, file, typeName string) map[string]int32 {
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	found := map[string]int32{}
	for _, declaration := range source.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		if name, ok := group.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident); !ok || name.Name != typeName {
			continue
		}
		for i, spec := range group.Specs {
			s := spec.(*ast.ValueSpec)
			number := i + 1 // of iota + 1
			if len(s.Values) == 1 {
				if literal, ok := s.Values[0].(*ast.BasicLit); ok {
					number, err = strconv.Atoi(literal.Value)
					require.NoError(t, err)
				}
			}
			found[strings.ToUpper(wordBreak.ReplaceAllString(s.Names[0].Name, "${1}${3}_${2}${4}"))] = int32(number)
		}
	}
	require.NotEmpty(t, found)
	return found
}

func TestTheEnumsMirrorTheConstants(t *testing.T) {
	for _, c := range []struct {
		file, typeName string
		enum           map[string]int32
	}{
		{"../lockfsm/result.go", "Status", lockdv1.Result_Status_value},
		{"../server/call.go", "Reason", lockdv1.Refusal_Reason_value},
		{"../raft/types.go", "Role", lockdv1.StatusResponse_Role_value},
	} {
		expected := constants(t, c.file, c.typeName)
		expected["UNSPECIFIED"] = 0
		require.Equal(t, expected, c.enum, c.typeName)
	}
}

// The proto file tells other languages which code stands for what. What it says is true.
func TestTheCodesAreAsDocumented(t *testing.T) {
	source, err := os.ReadFile("lockd/v1/lockd.proto")
	require.NoError(t, err)
	documented := map[string]string{}
	names := append(keys(lockdv1.Result_Status_value), keys(lockdv1.Refusal_Reason_value)...)
	row := regexp.MustCompile(`(?m)^//   ([A-Z_]+) {2,}([A-Z_*, ]+)`)
	for _, match := range row.FindAllStringSubmatch(string(source), -1) {
		for _, pattern := range strings.Split(match[2], ",") {
			prefix, wild := strings.CutSuffix(strings.TrimSpace(pattern), "*")
			for _, name := range names {
				if name == prefix || wild && strings.HasPrefix(name, prefix) {
					require.Empty(t, documented[name], "%s stands in two rows", name)
					documented[name] = match[1]
				}
			}
		}
	}
	actual := map[string]string{}
	for status, code := range statusCodes {
		if code != codes.OK {
			actual[lockdv1.Result_Status_name[int32(status)]] = inCapitals(code)
		}
	}
	for reason, code := range reasonCodes {
		actual[lockdv1.Refusal_Reason_name[int32(reason)]] = inCapitals(code)
	}
	require.Equal(t, actual, documented)
}

func keys(enum map[string]int32) []string {
	var names []string
	for name := range enum {
		names = append(names, name)
	}
	return names
}

func inCapitals(code codes.Code) string {
	return strings.ToUpper(wordBreak.ReplaceAllString(code.String(), "${1}${3}_${2}${4}"))
}

func TestEveryStatusAndReasonHasACode(t *testing.T) {
	for _, number := range statusesOnTheWire() {
		require.NotPanics(t, func() { Code(lockfsm.Status(number)) })
	}
	require.Len(t, statusCodes, len(statusesOnTheWire()))
	require.Len(t, reasonCodes, len(lockdv1.Refusal_Reason_name)-1)
	require.Panics(t, func() { Code(lockfsm.Status(99)) })
	require.Panics(t, func() { Code(server.Reason(99)) })
}

func TestOnlyWhatWasNotExecutedLooksRetryable(t *testing.T) {
	for reason, code := range reasonCodes {
		if code == codes.Unavailable {
			require.NotEqual(t, server.Unknown, reason)
		}
	}
	for status, code := range statusCodes {
		require.NotEqual(t, codes.Unavailable, code, "status %d is the same at every server", status)
	}
}

func TestARefusedUnaryCallTellsWhoLeads(t *testing.T) {
	_, err := Response[*lockdv1.Result](
		server.Refusal{Reason: server.NotLeader, Leader: 2, Detail: "Member 2 leads."},
		Address{Client: "two:7410", HTTP: "two:7412"})
	require.Equal(t, codes.Unavailable, status.Code(err))
	refusal := RefusalIn(err)
	require.Equal(t, lockdv1.Refusal_NOT_LEADER, refusal.GetReason())
	require.Equal(t, uint64(2), refusal.GetLeaderId())
	require.Equal(t, "two:7410", refusal.GetLeaderAddress())
	require.Equal(t, "two:7412", refusal.GetLeaderHttp())
	require.Equal(t, "Member 2 leads.", status.Convert(err).Message())
}

func TestAStaleReleaseTellsTheCurrentToken(t *testing.T) {
	_, err := Response[*lockdv1.Result](lockfsm.Result{Status: lockfsm.StaleToken, Current: 9, Last: 12, Revision: 40}, Address{})
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
	result := RefusalIn(err).GetResult()
	require.Equal(t, lockdv1.Result_STALE_TOKEN, result.GetStatus())
	require.Equal(t, uint64(9), result.GetCurrentToken())
	require.Equal(t, uint64(12), result.GetLastToken())
	require.ErrorContains(t, err, "STALE_TOKEN")
}

func TestABusyLockIsAnAnswerAndNotAnError(t *testing.T) {
	for _, s := range []lockfsm.Status{lockfsm.OK, lockfsm.Busy, lockfsm.TimedOut, lockfsm.Canceled} {
		result, err := Response[*lockdv1.Result](lockfsm.Result{Status: s, Current: 3}, Address{})
		require.NoError(t, err)
		require.Equal(t, uint64(3), result.GetCurrentToken())
	}
}

func TestAnErrorFromTheWayIsNoRefusal(t *testing.T) {
	err := status.Error(codes.Unavailable, "connection reset")
	require.Nil(t, RefusalIn(err))
	answer, _ := AnswerIn(nil, err)
	require.Nil(t, answer, "nobody knows what became of the call")
}

func TestUnaryAnswersComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reply := drawReply(t)
		answer, leader := throughUnary(reply)
		require.Equal(t, reply.Answer, answer)
		require.Equal(t, reply.Leader, leader)
	})
}

func throughUnary(r Reply) (server.Answer, Address) {
	switch r.Answer.(type) {
	case server.Checked:
		return AnswerIn(Response[*lockdv1.CheckResponse](r.Answer, r.Leader))
	case server.Shown:
		return AnswerIn(Response[*lockdv1.ShowResponse](r.Answer, r.Leader))
	case server.Listed:
		return AnswerIn(Response[*lockdv1.ListResponse](r.Answer, r.Leader))
	case server.SessionsListed:
		return AnswerIn(Response[*lockdv1.ListSessionsResponse](r.Answer, r.Leader))
	case server.Inspected:
		return AnswerIn(Response[*lockdv1.StatusResponse](r.Answer, r.Leader))
	case server.MembersChanged:
		return AnswerIn(Response[*lockdv1.ChangeMembersResponse](r.Answer, r.Leader))
	case server.Transferred:
		return AnswerIn(Response[*lockdv1.TransferLeaderResponse](r.Answer, r.Leader))
	}
	return AnswerIn(Response[*lockdv1.Result](r.Answer, r.Leader))
}

func TestAnAnswerOfAnotherCallPanics(t *testing.T) {
	require.PanicsWithValue(t, "wire: a server.Checked does not answer a call that returns *lockdv1.Result", func() {
		_, _ = Response[*lockdv1.Result](server.Checked{}, Address{})
	})
}
