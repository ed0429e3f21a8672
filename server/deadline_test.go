package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
)

// A session's time is up and the log takes nothing, because leadership is on its way to somebody who is gone, or because
// there is no room on the disk: the leader tries again later. A deadline that stayed in the past would keep a shell that serves
// deadlines busy with nothing else.
func TestADeadlineThatWasServedIsOver(t *testing.T) {
	for name, obstruct := range map[string]func(c *cluster, leader *member){
		"handover": func(c *cluster, leader *member) {
			gone := c.followers()[0]
			gone.cut = true
			c.open(time.Second)
			c.send(leader, Transfer{To: gone.id})
		},
		"full disk": func(_ *cluster, leader *member) {
			leader.inbox = append(leader.inbox, raft.Room{Full: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 3)
			c.open(time.Second)
			leader := c.leader()
			c.pass(990 * time.Millisecond)
			obstruct(c, leader)
			c.settle()
			for leader.server.leads() && c.now < 3*time.Second {
				c.now = max(c.now, leader.server.Deadline())
				for served := 0; leader.server.Deadline() <= c.now; served++ {
					require.Less(t, served, 5, "at %v a deadline is served again and again", c.now)
					leader.inbox = append(leader.inbox, raft.Timeout{})
					c.run(leader)
				}
				c.settle()
			}
		})
	}
}
