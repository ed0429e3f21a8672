package raft

import "time"

// advance moves the node's own clock to now and, at a leader, cluster time with it.
//
// A step counts for at most one heartbeat interval. A leader that was stopped for a minute would
// otherwise wake up, count that minute, and expire every session whose renewals wait unread
// in its sockets.
func (n *Node) advance(now time.Duration) {
	if now < n.now {
		fail("the clock falls from %v to %v", n.now, now)
	}
	if n.role == Leader {
		n.lead.clock += min(now-n.now, n.config.Heartbeat)
	}
	n.now = now
}

// Clock is cluster time as a leader would stamp it on an entry now. At any other member it is the time of
// the last entry in its log.
func (n *Node) Clock() time.Duration {
	if n.role == Leader {
		return n.lead.clock
	}
	return n.lastTime()
}

func (n *Node) lastTime() time.Duration {
	if n.log.last() == n.log.base() {
		return n.log.snapshot.Time
	}
	return n.log.at(n.log.last()).Time
}
