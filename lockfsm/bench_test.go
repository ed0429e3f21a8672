package lockfsm

import (
	"fmt"
	"testing"
	"time"
)

// bench applies commands without looking at the answers.
type bench struct {
	*testing.B
	machine *Machine
	index   uint64
	applied Applied
	buffer  []byte
}

func (b *bench) do(command Command) {
	b.index++
	b.buffer = Oldest.Encode(b.buffer[:0], command)
	if err := b.machine.Apply(b.index, time.Duration(b.index), b.buffer, &b.applied); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) crowd(sessions int) {
	for range sessions {
		b.do(Open{TTL: time.Minute, Owner: "host"})
	}
}

// BenchmarkAcquireRelease is an uncontended pair, numbered and acknowledged as clients do it,
// among a thousand sessions and ten thousand other locks.
func BenchmarkAcquireRelease(b *testing.B) {
	x := &bench{B: b, machine: New()}
	x.crowd(1000)
	names := make([]string, 20_000)
	for i := range names {
		names[i] = fmt.Sprintf("service/lock-%d", i)
	}
	for i := range 10_000 {
		x.do(Acquire{Request: Request{Session: SessionID(1 + i%1000)}, Name: names[i]})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		session, sequence := SessionID(1+i%1000), Sequence(2*(i/1000)+1)
		name := names[10_000+i%10_000]
		x.do(Acquire{Request: Request{session, sequence, sequence - 1}, Name: name, Wait: Forever})
		x.do(Release{Request: Request{session, sequence + 1, sequence}, Name: name, Token: x.applied.Result.Token})
	}
}

// BenchmarkHandOver is one Release that wakes the first of so many waiters, and the
// Acquire with which the old holder queues again.
func BenchmarkHandOver(b *testing.B) {
	for _, waiters := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(waiters, "-waiters"), func(b *testing.B) {
			x := &bench{B: b, machine: New()}
			x.crowd(waiters + 1)
			for i := range waiters + 1 {
				x.do(Acquire{Request: Request{Session: SessionID(i + 1), Sequence: 1}, Name: "lock", Wait: Forever})
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				session, sequence := SessionID(1+i%(waiters+1)), Sequence(2+2*(i/(waiters+1)))
				x.do(Release{Request: Request{session, sequence, sequence - 1}, Name: "lock", Token: x.machine.Current("lock")})
				x.do(Acquire{Request: Request{session, sequence + 1, sequence}, Name: "lock", Wait: Forever})
			}
		})
	}
}

// BenchmarkSnapshot is what a snapshot of many locks costs the commands behind it.
func BenchmarkSnapshot(b *testing.B) {
	x := &bench{B: b, machine: New()}
	x.crowd(1)
	for i := range 100_000 {
		x.do(Acquire{Request: Request{Session: 1}, Name: fmt.Sprint("lock-", i)})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		x.machine.Snapshot()
		x.do(Acquire{Request: Request{Session: 1}, Name: "another"})
		x.do(Release{Name: "another", Token: x.applied.Result.Token})
	}
}
