package linearizability

import (
	"slices"
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
		h.shuffle(seeded(seed))
		require.Nil(t, fenced(&h), "in another order, seed %d\n%s", seed, h.print())
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
			h.shuffle(seeded(seed))
			require.Equal(t, v.Message, fenced(&h).Message, "in another order")
		}
	}
	require.Greater(t, named, 400)
}

// A write without an answer that was seen was accepted under its token, unless another may have written the same value.
func TestUnansweredWritesHaveRanks(t *testing.T) {
	for _, story := range []struct {
		told   []Operation
		result Result
	}{
		{[]Operation{wrote(2, 0, 1), wrote(1, 1, 2).unanswered(), read(2, 2)}, Fail},
		{[]Operation{wrote(2, 0, 1), wrote(1, 1, 2).unanswered(), wrote(2, 1, 2).unanswered(), read(2, 2)}, Pass},
		{[]Operation{wrote(2, 0, 1), wrote(1, 1, 2).unanswered(), wrote(2, 1, 2), read(2, 2)}, Pass},
		{[]Operation{wrote(9, 0, 1).unanswered(), read(1, 1), wrote(1, 1, 2)}, Fail},
		{[]Operation{wrote(9, 0, 1).unanswered(), wrote(1, 0, 2)}, Pass},
		{[]Operation{wrote(1, 0, 1).unanswered(), read(1, 1), wrote(1, 0, 1).unanswered()}, Pass},
	} {
		h := tell(story.told)
		require.Equal(t, story.result == Fail, fenced(&h) != nil, "%s", h.print())
		slices.Reverse(h.Operations)
		require.Equal(t, story.result == Fail, fenced(&h) != nil, "told from its end:\n%s", h.print())
	}
}

// Whoever has read a value under a high token is no more to be outranked than who has written it.
func TestReadsHaveRanks(t *testing.T) {
	for _, story := range []struct {
		told   []Operation
		result Result
	}{
		{[]Operation{read(5, 0), read(1, 0), wrote(3, 0, 1)}, Fail},
		{[]Operation{read(1, 0), read(5, 0), wrote(3, 0, 1)}, Fail},
		{[]Operation{read(3, 0), read(1, 0), wrote(3, 0, 1)}, Pass},
		{[]Operation{wrote(1, 0, 1), read(5, 1), read(1, 1), wrote(3, 1, 2)}, Fail},
		{[]Operation{wrote(1, 0, 1), read(3, 1), wrote(3, 1, 2), read(5, 2)}, Pass},
		{[]Operation{wrote(1, 0, 1), read(5, 1), wrote(5, 1, 2), wrote(3, 2, 3)}, Fail},
	} {
		h := tell(story.told)
		require.Equal(t, story.result == Fail, fenced(&h) != nil, "%s", h.print())
	}
}

// Each message says which rule was broken.
func TestResourceIsBlamedByRule(t *testing.T) {
	for message, told := range map[string][]Operation{
		"an update was lost":                          {wrote(1, 0, 1), wrote(1, 0, 2)},
		"a value was written twice":                   {wrote(1, 0, 1), wrote(1, 1, 1)},
		"a value is there that nobody wrote":          {read(1, 7)},
		"a value does not come from the first one":    {wrote(1, 1, 2), wrote(1, 2, 1)},
		"a lower token was accepted after a higher":   {wrote(2, 0, 1), wrote(1, 1, 2)},
		"values were seen in the wrong order: client": {wrote(1, 0, 1), wrote(1, 1, 2), read(1, 1)},
	} {
		h := tell(told)
		require.Contains(t, fenced(&h).Message, message)
	}
}
