package raft

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// A node whose every field says something: each number is 7, each flag is set, each list has two elements and room for more.
func filledNode() *Node {
	n := new(Node)
	fill(reflect.ValueOf(n).Elem())
	n.config.Random = rand.NewPCG(1, 2)
	n.outbox, n.install, n.reads, n.refused = nil, nil, nil, nil // it was drained
	return n
}

// open makes a field that is not exported as good as one that is.
func open(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(open(v.Field(i)))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 4))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[Message]() {
			m := new(Appended)
			fill(reflect.ValueOf(m).Elem())
			v.Set(reflect.ValueOf(m))
		}
	case reflect.Array: // scratch
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("7")
	default:
		if v.CanUint() {
			v.SetUint(7)
		} else {
			v.SetInt(7)
		}
	}
}

// visit walks everything that a value holds, and names it after the type and the field where it stands.
func visit(v reflect.Value, name string, see func(v reflect.Value, name string)) {
	see(v, name)
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			visit(open(v.Field(i)), v.Type().Name()+"."+v.Type().Field(i).Name, see)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), name, see)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Elem(), name, see)
		}
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[Message]() && !v.IsNil() {
			visit(v.Elem(), name, see)
		}
	}
}

// notInState is what AppendState leaves out, and why a node's future does not depend on it.
var notInState = map[string]string{
	"Node.config":          "the same for all members, except ID, which is Node.id",
	"Node.now":             "time",
	"Node.heard":           "time",
	"Node.patience":        "time",
	"Node.withheld":        "time",
	"Node.forgetful":       "time",
	"inquiry.due":          "time",
	"inquiredRead.since":   "time",
	"lead.leaseUntil":      "time",
	"lead.leaseAsked":      "time",
	"peer.shy":             "time",
	"peer.broken":          "time",
	"peer.still":           "time: explorations lose no message on the sender's side",
	"peer.promised":        "time",
	"Lease.Sent":           "time",
	"LeaseReply.Sent":      "time",
	"Node.waiting":         "time",
	"lead.clock":           "cluster time",
	"lead.beatDue":         "time",
	"peer.heard":           "time",
	"installation.sent":    "time",
	"installation.due":     "time",
	"pendingRecord.since":  "time",
	"transfer.due":         "time",
	"Entry.Time":           "cluster time",
	"Snapshot.Time":        "cluster time",
	"Bequest.Time":         "cluster time",
	"Chunk.Time":           "cluster time",
	"oath.nonce":           "the caller's to compare with the messages",
	"Oath.Nonce":           "the caller's to compare with the messages",
	"Sworn.Nonce":          "the caller's to compare with the messages",
	"Node.attempt":         "the caller's to compare with the messages",
	"inquiry.first":        "the caller's to compare with the messages",
	"Node.outbox":          "empty in a drained node",
	"Node.install":         "empty in a drained node",
	"Node.reads":           "empty in a drained node",
	"Node.refused":         "empty in a drained node",
	"lead.scratch":         "holds nothing between two steps",
	"study.began":          "time",
	"sentAppend.at":        "time: it sizes the window, which is of one size in explorations",
	"flow.fastest":         "time",
	"flow.eased":           "time",
	"Envelope.Incarnation": "of a held message, the node itself",
	"Envelope.From":        "of a held message, the node itself",
}

// A field that is added to the node has to be added to AppendState, or to the list of what is left out: whatever is
// changed in a node changes the bytes.
func TestStateHasEveryField(t *testing.T) {
	bytes := func(n *Node) string { return string(n.AppendState(nil, sameName)) }
	mustChange(t, filledNode, func(n *Node) reflect.Value { return reflect.ValueOf(n).Elem() }, bytes)
}

// The same for each message, and no two of different types have the same bytes.
func TestMessageBytesHaveEveryField(t *testing.T) {
	seen := map[string]Message{}
	for _, m := range []Message{new(PreVote), new(PreVoteReply), new(Vote), new(VoteReply), new(Append), new(Appended), new(Mismatch), new(Chunk),
		new(ChunkReceived), new(StaleTerm), new(TimeoutNow), new(Lost), new(Fetch), new(Fetched), new(ReadIndex), new(ReadIndexReply), new(Lease), new(LeaseReply), new(Oath), new(Sworn), new(Plea), new(Bequest)} {
		filled := func() Message {
			v := reflect.New(reflect.TypeOf(m).Elem())
			fill(v.Elem())
			return v.Interface().(Message)
		}
		bytes := func(m Message) string { return string(AppendMessage(nil, m, sameName)) }
		mustChange(t, filled, func(m Message) reflect.Value { return reflect.ValueOf(m).Elem() }, bytes)
		require.NotContains(t, seen, bytes(filled()))
		seen[bytes(filled())] = m
	}
}

func sameName(id ID) ID { return id }

// mustChange alters one number or flag after the other in a value that is made anew each time, and wants other bytes.
func mustChange[T any](t *testing.T, made func() T, open func(T) reflect.Value, bytes func(T) string) {
	plain := bytes(made())
	for leaf := 0; ; leaf++ {
		value, at, changed := made(), 0, ""
		visit(open(value), "", func(v reflect.Value, name string) {
			if !v.CanInt() && !v.CanUint() && v.Kind() != reflect.Bool && v.Kind() != reflect.String {
				return
			}
			if at == leaf {
				changed = name
				alter(v)
			}
			at++
		})
		if changed == "" {
			require.Positive(t, leaf)
			return
		}
		if !strings.HasPrefix(changed, "Config.") && notInState[changed] == "" {
			require.NotEqual(t, plain, bytes(value), "%s was changed, and the bytes are the same", changed)
		}
	}
}

func alter(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "1")
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	default:
		v.SetInt(v.Int() + 1)
	}
}

// sharedByClones is what two clones may both point to: it never changes once it is made.
var sharedByClones = map[string]string{
	"Config.Random":       "the source of randomness",
	"run.entries":         "a run is made anew when it grows",
	"blocks.arrays":       "entries are never overwritten, and a clone appends elsewhere",
	"Entry.Data":          "immutable",
	"Snapshot.Data":       "immutable",
	"Membership.Members":  "immutable",
	"Membership.Former":   "immutable",
	"Membership.Learners": "immutable",
	"assembly.data":       "received bytes are never overwritten, and a clone appends elsewhere",
	"disk.snapshot":       "immutable",
	"Envelope.Message":    "immutable",
}

// A list or a pointer that is added to the node has to be added to Clone, or to the list of what is shared. And a
// clone is equal to its original.
func TestCloneSharesNothingThatChanges(t *testing.T) {
	original := filledNode()
	clone := original.Clone()
	require.Equal(t, original, clone)
	memory := map[string]bool{}
	place := func(v reflect.Value) (string, bool) {
		if v.Kind() != reflect.Slice && v.Kind() != reflect.Pointer || v.IsNil() {
			return "", false
		}
		return fmt.Sprint(v.Pointer()), true
	}
	visit(reflect.ValueOf(original).Elem(), "", func(v reflect.Value, _ string) {
		if at, is := place(v); is {
			memory[at] = true
		}
	})
	visit(reflect.ValueOf(clone).Elem(), "", func(v reflect.Value, name string) {
		if at, is := place(v); is && memory[at] {
			require.Contains(t, sharedByClones, name, "a clone writes into its original")
		}
	})
	last := clone.log.entries.arrays[len(clone.log.entries.arrays)-1]
	require.Equal(t, len(last), cap(last), "the next entry of a clone would land in its original's array")
	require.Equal(t, len(clone.incoming.data), cap(clone.incoming.data))
}

// A leader that is cloned in the middle of its work, and the original, go on in different ways.
func TestCloneGoesItsOwnWay(t *testing.T) {
	s := newStage(t, 3)
	for _, a := range s.actors {
		a.draws.want(testTimeout + 20*time.Duration(a.id)*time.Millisecond)
		s.start(a)
	}
	s.run(250 * time.Millisecond)
	leader := s.actor(1).node
	require.Equal(t, Leader, leader.role)
	before := string(leader.AppendState(nil, sameName))
	clone := leader.Clone()
	require.Equal(t, before, string(clone.AppendState(nil, sameName)))

	var output Output
	_, err := clone.Propose(s.now, []byte("mine"))
	require.NoError(t, err)
	clone.Drain(&output)
	clone.Step(s.now, Persisted{output.Record.Sequence})
	clone.Step(s.now, Receive{Envelope{From: 2, To: 1, Incarnation: 2, Message: &Appended{Term: clone.term, Match: clone.log.last()}}})
	clone.Drain(&output)
	require.NotEmpty(t, output.Commit)
	require.Equal(t, before, string(leader.AppendState(nil, sameName)), "the clone's steps are seen in the original")

	_, err = leader.Propose(s.now, []byte("yours"))
	require.NoError(t, err)
	require.Equal(t, "mine", string(clone.log.at(clone.log.last()).Data), "the original's steps are seen in the clone")
}

// Who is who makes no difference: a leader 1 whom 2 has refused and 3 elected is a leader 3 whom 1 has refused and 2 elected.
func TestStateUnderOtherNames(t *testing.T) {
	leader := func(ids [4]ID) string {
		stored := foundation(3)
		for i := range stored.Snapshot.Membership.Members {
			stored.Snapshot.Membership.Members[i].Incarnation = 1
		}
		config := testConfig(ids[1], 1)
		config.Incarnation = 1
		n := New(config, stored, 0)
		var output Output
		n.Step(n.Deadline(), Timeout{})
		n.Step(n.now, Receive{Envelope{From: ids[2], To: ids[1], Incarnation: 1, Message: &PreVoteReply{Term: 1, Attempt: 1, Granted: true}}})
		n.Drain(&output)
		n.Step(n.now, Persisted{1})
		n.Step(n.now, Receive{Envelope{From: ids[2], To: ids[1], Incarnation: 1, Message: &VoteReply{Term: 2}}})
		n.Step(n.now, Receive{Envelope{From: ids[3], To: ids[1], Incarnation: 1, Message: &VoteReply{Term: 2, Granted: true}}})
		n.Drain(&output)
		n.Step(n.now, Receive{Envelope{From: ids[3], To: ids[1], Incarnation: 1, Message: &Appended{Term: 2, Match: 2}}})
		n.Drain(&output)
		return string(n.AppendState(nil, func(id ID) ID { return ID(slices.Index(ids[:], id)) }))
	}
	for _, ids := range [][4]ID{{0, 1, 3, 2}, {0, 2, 1, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}, {0, 3, 2, 1}} {
		require.Equal(t, leader([4]ID{0, 1, 2, 3}), leader(ids))
	}
}
