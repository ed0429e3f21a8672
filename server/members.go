package server

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"lockd/raft"
)

// maxAddress bounds the address of a member, in bytes.
const maxAddress = 255

// changeMembers begins a change of the membership. It is answered when the change is done.
func (s *Server) changeMembers(id CallID, c ChangeMembers) {
	s.noteChange() // the last one may be done since the last drain
	detail := invalidChange(c.Change)
	if detail == "" {
		detail = s.tooOld(c.Promote)
	}
	if detail != "" {
		s.refuse(id, Invalid, detail)
		return
	}
	if s.full {
		s.refuse(id, DiskFull, "")
		return
	}
	_, err := s.node.Reconfigure(s.now, c.Change)
	switch {
	case err == nil:
		s.changing = id
	case errors.Is(err, raft.ErrChanging), errors.Is(err, raft.ErrNoCommitYet), errors.Is(err, raft.ErrQuiet):
		s.refuse(id, Overloaded, cause(err)) // it passes
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrTransferring):
		s.refuse(id, NotLeader, err.Error())
	default:
		s.refuse(id, Invalid, cause(err))
	}
}

// cause is an error of consensus as the callers of a server are told of it.
func cause(err error) string { return strings.TrimPrefix(err.Error(), "raft: ") }

// invalidChange says what consensus does not know to be wrong with a change. Empty: nothing.
func invalidChange(c raft.Change) string {
	if len(c.Add)+len(c.Promote)+len(c.Remove) == 0 {
		return "the change is none"
	}
	for _, m := range c.Add {
		switch {
		case m.ID == 0 || m.Incarnation == 0:
			return "a member has a number and the incarnation of its data directory, neither of them zero"
		case m.Address == "" || len(m.Address) > maxAddress || !utf8.ValidString(m.Address):
			return fmt.Sprintf("the address of member %d is missing, not UTF-8, or longer than %d bytes", m.ID, maxAddress)
		}
	}
	return ""
}

// noteChange answers who asked for a change when it is done. One change is under way at a time: what is in force then is what was asked for, or
// leadership would have been lost.
func (s *Server) noteChange() {
	if s.changing != 0 && !s.node.Changing() {
		s.reply(s.changing, MembersChanged{Membership: s.node.Status().Membership})
		s.changing = 0
	}
}
