package server

// Statistics count what a server has done since it started. They decide nothing.
type Statistics struct {
	Calls, Proposed, Queried, Applied uint64
	Refused                           [Unknown + 1]uint64 // by Reason
	Terms                             uint64              // terms that went by
	Elected                           uint64              // terms that this node led
	Snapshots                         uint64
	Repaired                          uint64 // entries that the disk had lost, and that came back from other members
}

// Depths are the lengths of what waits in a server now.
type Depths struct {
	Proposed, Waiting, Reading int
}

// Statistics are the counts until now.
func (s *Server) Statistics() Statistics { return s.statistics }

// Depths are the lengths of the queues now.
func (s *Server) Depths() Depths {
	return Depths{Proposed: len(s.calls.proposed), Waiting: len(s.calls.waiting), Reading: len(s.calls.reading)}
}
