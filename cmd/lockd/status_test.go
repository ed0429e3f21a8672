package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/server"
)

// Whose log is damaged is named in the status, with the entries that it lacks: if nobody leads for want of one, that is the reason.
func TestStatusNamesWhatCantBeRead(t *testing.T) {
	damaged := inspection{answer: server.Inspected{Node: raft.Status{ID: 2, Role: raft.Follower, Hole: raft.Hole{First: 7, Last: 9}}}}
	sound := inspection{answer: server.Inspected{Node: raft.Status{ID: 1, Role: raft.Follower}}}
	var text bytes.Buffer
	summarize([]string{"a:1", "b:1"}, []inspection{sound, damaged}).text(&text)
	require.Contains(t, text.String(), "member 2 can't read its log from entry 7 on, up to 9 at most")
	require.NotContains(t, text.String(), "member 1 can't")
}
