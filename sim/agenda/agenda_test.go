package agenda

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockd/sim/draw"
)

// What was put on the agenda comes off it, each once, and never before something that is sooner.
func TestAgendaIsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := New[uint64](draw.New(rapid.Uint64().Draw(t, "seed"), "order"))
		due := map[uint64]time.Duration{}
		now, made := time.Duration(0), uint64(0)
		take := func(t *rapid.T) {
			at, any := a.Next()
			require.Equal(t, len(due) > 0, any)
			if !any {
				return
			}
			for _, other := range due {
				require.LessOrEqual(t, at, other)
			}
			e := a.Take()
			require.Equal(t, at, due[e])
			delete(due, e)
			now = at
		}
		t.Repeat(map[string]func(*rapid.T){
			"take": take,
			"add": func(t *rapid.T) {
				made++
				due[made] = now + time.Duration(rapid.IntRange(0, 5).Draw(t, "wait"))
				a.Add(due[made], made)
			},
		})
		for len(due) > 0 {
			take(t)
		}
	})
}

// Events of one instant come in another order with another seed.
func TestTiesAreDrawn(t *testing.T) {
	order := func(seed uint64) (order []uint64) {
		a := New[uint64](draw.New(seed, "order"))
		for i := range uint64(20) {
			a.Add(0, i)
		}
		for range 20 {
			order = append(order, a.Take())
		}
		return order
	}
	require.Equal(t, order(1), order(1))
	require.NotEqual(t, order(1), order(2))
}
