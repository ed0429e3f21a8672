package cluster

import (
	"context"
	"sync"
	"time"

	"lockd/client"
	"lockd/raft"
	"lockd/server"
)

// How often all members are asked who leads, and how long one that stands still may keep us waiting.
const (
	throneInterval = 100 * time.Millisecond
	thronePatience = 300 * time.Millisecond
)

// throne watches who leads. It asks the members directly, past the proxies.
type throne struct {
	members []*Node
	watcher *client.Client

	mutex   sync.Mutex
	now     int // who leads, as far as is known; zero: nobody
	term    raft.Term
	changes int
}

func watchThrone(ctx context.Context, members []*Node, watcher *client.Client) *throne {
	t := &throne{members: members, watcher: watcher}
	go func() {
		for ctx.Err() == nil {
			t.look(ctx)
			pause(ctx, throneInterval)
		}
	}()
	return t
}

// look asks all at once. Of several who say that they lead, all but the one of the highest term have not heard that they were deposed.
func (t *throne) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, thronePatience)
	defer cancel()
	var asking sync.WaitGroup
	seen := make([]server.Inspected, len(t.members))
	for i, m := range t.members {
		asking.Go(func() { seen[i], _ = t.watcher.Status(ctx, m.Client) }) // who does not answer does not lead
	}
	asking.Wait()
	leader, term := 0, raft.Term(0)
	for i, s := range seen {
		if s.Node.Role == raft.Leader && s.Node.Term > term {
			leader, term = t.members[i].ID, s.Node.Term
		}
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if leader != 0 && term > t.term {
		t.term = term
		t.changes++
	}
	t.now = leader
}

// leader is who leads; zero: nobody, as far as is known.
func (t *throne) leader() int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.now
}

// elections tells how many leaders there were.
func (t *throne) elections() int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.changes
}
