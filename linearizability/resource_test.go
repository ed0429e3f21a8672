package linearizability

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// counter is a resource that holders raise by one, some of whose writes get no answer. A careless one applies what it
// should refuse.
func counter(pick func(int) int, operations int, careless bool) History {
	h := History{}
	var value, mark, event uint64
	type flight struct {
		operation int
		applied   bool
	}
	var flights []flight
	for len(h.Operations) < operations {
		if pick(2) == 0 || len(flights) == 0 {
			event++
			o := Operation{Kind: Write, Lock: "a", Token: mark + uint64(pick(2)), Call: event, Return: Never, Base: value, Value: value + 1}
			if pick(3) == 0 {
				o.Kind, o.Base, o.Value = Read, 0, 0
			}
			flights = append(flights, flight{operation: len(h.Operations)})
			h.Operations = append(h.Operations, o)
			continue
		}
		i := pick(len(flights))
		f, o := &flights[i], &h.Operations[flights[i].operation]
		switch {
		case f.applied:
			event++
			o.Return = event
			if pick(8) == 0 {
				o.Outcome, o.Return = Unknown, Never
			}
			flights = append(flights[:i], flights[i+1:]...)
		case o.Token < mark && !careless, o.Kind == Write && o.Base != value && !careless:
			event++
			o.Outcome, o.Return = Refused, event
			flights = append(flights[:i], flights[i+1:]...)
		default:
			o.Outcome, f.applied, mark = Done, true, max(mark, o.Token)
			if o.Kind == Read {
				o.Value = value
			} else {
				value = o.Value
			}
		}
	}
	for _, f := range flights {
		h.Operations[f.operation].Outcome = Unknown
	}
	return h
}

// A resource that compares what it should compare passes, however its answers get lost.
func TestCarefulResourcePasses(t *testing.T) {
	for seed := range uint64(2000) {
		h := counter(seeded(seed), 40, false)
		require.Nil(t, fenced(&h), "seed %d\n%s", seed, h.print())
	}
}

// lostUpdate is whether two writes that were accepted replaced one value.
func lostUpdate(h *History) bool {
	replaced := map[uint64]bool{}
	for _, o := range h.Operations {
		if o.Kind == Write && o.Outcome == Done {
			if replaced[o.Base] {
				return true
			}
			replaced[o.Base] = true
		}
	}
	return false
}

// A resource without a guard loses updates, and the two writes are named.
func TestLostUpdateIsNamed(t *testing.T) {
	named := 0
	for seed := range uint64(500) {
		h := counter(seeded(seed), 60, true)
		v := fenced(&h)
		if v == nil {
			require.False(t, lostUpdate(&h), "seed %d\n%s", seed, h.print())
			continue
		}
		first, second := h.Operations[v.Operations[0]], h.Operations[v.Operations[1]]
		if first.Kind == Write && second.Kind == Write && first.Base == second.Base {
			named++
			require.Contains(t, v.Message, "an update was lost")
		}
	}
	require.Greater(t, named, 400)
}
