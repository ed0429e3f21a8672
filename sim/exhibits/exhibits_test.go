package exhibits

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// each runs a test for every exhibit.
func each(t *testing.T, test func(*testing.T, Exhibit)) {
	for _, e := range All() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// The pinned seed breaks the design, with the harm that the exhibit names.
func TestDesignBreaks(t *testing.T) {
	each(t, func(t *testing.T, e Exhibit) {
		var last time.Duration
		sentences := 0
		outcome := e.Run(func(at time.Duration, sentence string) {
			require.GreaterOrEqual(t, at, last)
			require.NotEmpty(t, sentence)
			last = at
			sentences++
		})
		require.Equal(t, e.Harm, outcome.Harm)
		require.NotEmpty(t, outcome.Message)
		require.Equal(t, last, outcome.At, "the harm ends the story")
		require.LessOrEqual(t, sentences, 25, "nobody reads a longer story")
	})
}

// While nothing goes wrong, the design works in all of the first thousand seeds: it is the fault that breaks it, and not its author.
func TestDesignWorksWithoutTheFault(t *testing.T) {
	each(t, func(t *testing.T, e Exhibit) {
		for seed := range uint64(1000) {
			outcome := e.Play(seed, false, nil)
			require.Equal(t, None, outcome.Harm, "seed %d: %s", seed, outcome.Message)
			require.Greater(t, outcome.Work, 3, "seed %d shows nothing", seed)
		}
	})
}

// Of the first thousand seeds so many end in the harm as the exhibit says, and none in another.
func TestHowOftenDesignsBreak(t *testing.T) {
	each(t, func(t *testing.T, e Exhibit) {
		harms := map[Harm]int{}
		for seed := range uint64(1000) {
			harms[e.Play(seed, true, nil).Harm]++
		}
		require.Equal(t, map[Harm]int{None: 1000 - e.Breaks, e.Harm: e.Breaks}, harms)
	})
}

// With locks, and a bucket that compares tokens, each chunk has one result, whoever stands still.
func TestMendedVideoQueue(t *testing.T) {
	for seed := range uint64(1000) {
		outcome := videoQueue.perform(newStage(seed, true, true, nil))
		require.Equal(t, None, outcome.Harm, "seed %d: %s", seed, outcome.Message)
		require.LessOrEqual(t, outcome.Work, chunks)
	}
	refused := false
	outcome := videoQueue.Mended(func(_ time.Duration, sentence string) {
		refused = refused || strings.HasPrefix(sentence, "the bucket refuses")
	})
	require.Equal(t, chunks, outcome.Work, "all chunks are encoded")
	require.True(t, refused, "the story is about an upload that comes too late")
}

// A performance is a function of its seed.
func TestSameSeedSameStory(t *testing.T) {
	each(t, func(t *testing.T, e Exhibit) {
		story := func() (told []string) {
			e.Run(func(at time.Duration, sentence string) { told = append(told, at.String()+" "+sentence) })
			return told
		}
		require.Equal(t, story(), story())
	})
}
