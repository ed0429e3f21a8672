package explore

import "lockd/raft"

// A trial election is known by its number, which each member counts for itself and begins anew when it has lost power. The number
// means nothing but whether a message belongs to the election that is under way. So two states are one in which it says the same, and what has outlived
// a loss of power belongs to none: by chance it could carry the number of a later election, and which ones do would depend on how often members have
// polled in vain, of which there is no end.

// poll is the trial election that a message belongs to: whose, and its number. Zero: none.
func poll(e raft.Envelope) (candidate raft.ID, attempt uint64) {
	switch m := e.Message.(type) {
	case *raft.PreVote:
		return e.From, m.Attempt
	case *raft.PreVoteReply:
		return e.To, m.Attempt
	}
	return 0, 0
}

// unnumbered is a message without the number of its trial election.
func unnumbered(m raft.Message) raft.Message {
	switch m := m.(type) {
	case *raft.PreVote:
		plain := *m
		plain.Attempt = 0
		return &plain
	case *raft.PreVoteReply:
		plain := *m
		plain.Attempt = 0
		return &plain
	}
	return m
}

// outlive takes the numbers from the messages of a member's trial elections, which has lost power.
func outlive(network []raft.Envelope, member raft.ID) {
	for i := range network {
		if candidate, _ := poll(network[i]); candidate == member {
			network[i].Message = unnumbered(network[i].Message)
		}
	}
}
