package daemon_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"

	"lockd/lockfsm"
	"lockd/wire/lockdv1"
)

// BenchmarkPairs measures an acquire and its release, each acknowledged by a majority of three disks, with
// every client on a stream and a lock of its own. The three nodes and the clients share the machine.
func BenchmarkPairs(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchmarkPairs(b, clients) })
	}
}

func benchmarkPairs(b *testing.B, clients int) {
	c := startCluster(b, 3)
	leader := c.clients[c.leader()]
	streams := make([]*stream, clients)
	sessions := make([]lockfsm.SessionID, clients)
	for i := range streams {
		streams[i] = c.connect(context.Background(), leader)
		opened, err := leader.OpenSession(context.Background(), &lockdv1.OpenSessionRequest{Ttl: durationpb.New(time.Hour)})
		require.NoError(b, err)
		sessions[i] = lockfsm.SessionID(opened.GetSession())
	}
	b.ReportAllocs() // of all three nodes and the clients
	b.ResetTimer()
	var running sync.WaitGroup
	for i, s := range streams {
		running.Go(func() {
			name := fmt.Sprint("lock-", i)
			for n := i; n < b.N; n += clients {
				answer := s.ask(1, lockfsm.Acquire{Request: lockfsm.Request{Session: sessions[i]}, Name: name})
				granted, is := answer.(lockfsm.Result)
				if !is {
					b.Errorf("not granted: %+v", answer)
					return
				}
				s.ask(2, lockfsm.Release{Name: name, Token: granted.Token})
			}
		})
	}
	running.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
}
