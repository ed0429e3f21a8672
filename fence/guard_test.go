package fence

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// nothing is an operation without an effect: only its token counts.
func nothing() error { return nil }

// present presents the token for the resource, and does nothing under it.
func present(guard *Guard, resource string, token Token) error {
	return guard.Do(context.Background(), resource, token, nothing)
}

// inEveryGuard runs a test with a guard in memory and with a durable one.
func inEveryGuard(t *testing.T, test func(t *testing.T, guard *Guard)) {
	t.Run("in memory", func(t *testing.T) { test(t, New()) })
	t.Run("durable", func(t *testing.T) {
		guard, err := Open(t.TempDir())
		require.NoError(t, err)
		defer guard.Close()
		test(t, guard)
	})
}

func TestAHolderWhoLostTheLockIsRefused(t *testing.T) {
	inEveryGuard(t, func(t *testing.T, guard *Guard) {
		require.NoError(t, present(guard, "report.pdf", 34), "A holds the lock and writes")
		require.NoError(t, present(guard, "report.pdf", 35), "A was stopped, B was granted the lock and writes")

		begun := false
		err := guard.Do(t.Context(), "report.pdf", 34, func() error { begun = true; return nil })

		require.False(t, begun, "A wakes up and writes: its operation must not begin")
		require.ErrorIs(t, err, ErrStale)
		require.Equal(t, &StaleError{Resource: "report.pdf", Token: 34, Highest: 35}, err)
		require.EqualError(t, err, `fence: stale fencing token: resource "report.pdf" has seen token 35, which is higher than 34`)
		require.NoError(t, present(guard, "report.pdf", 35), "B goes on with the same token")
	})
}

func TestAReadRaisesTheMarkSoThatNoLateWriteSlipsInBehindIt(t *testing.T) {
	inEveryGuard(t, func(t *testing.T, guard *Guard) {
		document := "one"
		var seen string
		require.NoError(t, guard.Do(t.Context(), "document", 35, func() error { seen = document; return nil }))

		late := guard.Do(t.Context(), "document", 34, func() error { document = "late"; return nil })
		require.ErrorIs(t, late, ErrStale)

		require.NoError(t, guard.Do(t.Context(), "document", 35, func() error { document = seen + ", two"; return nil }))
		require.Equal(t, "one, two", document)
	})
}

func TestResourcesHaveMarksOfTheirOwn(t *testing.T) {
	inEveryGuard(t, func(t *testing.T, guard *Guard) {
		require.NoError(t, present(guard, "a", 9))
		require.NoError(t, present(guard, "b", 3))
		require.ErrorIs(t, present(guard, "a", 3), ErrStale)
	})
}

func TestZeroIsNeverAToken(t *testing.T) {
	inEveryGuard(t, func(t *testing.T, guard *Guard) {
		require.ErrorIs(t, present(guard, "a", 0), ErrNoToken)
	})
}

func TestTheHighestTokenOfAll(t *testing.T) {
	inEveryGuard(t, func(t *testing.T, guard *Guard) {
		require.NoError(t, present(guard, "a", 1<<64-1))
		require.ErrorIs(t, present(guard, "a", 1<<64-2), ErrStale)
	})
}

func TestAnOperationThatFailsLeavesItsMark(t *testing.T) {
	inEveryGuard(t, func(t *testing.T, guard *Guard) {
		broken := errors.New("half of it was written")
		require.Equal(t, broken, guard.Do(t.Context(), "a", 5, func() error { return broken }))
		require.ErrorIs(t, present(guard, "a", 4), ErrStale)

		require.Panics(t, func() { _ = guard.Do(t.Context(), "a", 7, func() error { panic("worse") }) })
		require.ErrorIs(t, present(guard, "a", 6), ErrStale, "and the resource is free again")
	})
}

// The new holder comes while the old one's operation runs: it waits for its end, and a third
// party at another resource does not.
func TestOperationsOnOneResourceExcludeEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := New()
		var story []string
		finish := make(chan struct{})
		go func() {
			_ = guard.Do(t.Context(), "a", 34, func() error {
				<-finish
				story = append(story, "34 ends")
				return nil
			})
		}()
		synctest.Wait()
		go func() {
			_ = guard.Do(t.Context(), "a", 35, func() error { story = append(story, "35 runs"); return nil })
		}()
		synctest.Wait()
		require.NoError(t, guard.Do(t.Context(), "b", 1, func() error { story = append(story, "b runs"); return nil }))

		close(finish)
		synctest.Wait()
		require.Equal(t, []string{"b runs", "34 ends", "35 runs"}, story)
	})
}

// The old holder's second operation waits behind the new holder's first: it passed no check
// by having come early.
func TestATokenIsComparedAfterTheWaitNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := New()
		finish := make(chan struct{})
		go func() { _ = guard.Do(t.Context(), "a", 34, func() error { <-finish; return nil }) }()
		synctest.Wait()
		go func() { _ = guard.Do(t.Context(), "a", 35, nothing) }()
		synctest.Wait()
		late := make(chan error, 1)
		go func() { late <- guard.Do(t.Context(), "a", 34, nothing) }()
		synctest.Wait()

		close(finish)
		require.ErrorIs(t, <-late, ErrStale)
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := New()
		finish := make(chan struct{})
		go func() { _ = guard.Do(t.Context(), "a", 34, func() error { <-finish; return nil }) }()
		synctest.Wait()

		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error, 1)
		go func() { gaveUp <- guard.Do(ctx, "a", 99, nothing) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-gaveUp, context.Canceled)
		for range 20 { // a free turn must not win by chance
			require.ErrorIs(t, guard.Do(ctx, "b", 1, nothing), context.Canceled)
		}

		close(finish)
		synctest.Wait()
		require.NoError(t, guard.Do(t.Context(), "a", 35, nothing), "who gave up raised no mark")
	})
}

func TestCloseWaitsForOperationsAndRefusesLaterOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guard := New()
		finish := make(chan struct{})
		go func() { _ = guard.Do(t.Context(), "a", 34, func() error { <-finish; return nil }) }()
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- guard.Close() }()
		synctest.Wait()
		require.Empty(t, closed, "an operation is under way")
		require.ErrorIs(t, guard.Do(t.Context(), "b", 1, nothing), ErrClosed)

		close(finish)
		require.NoError(t, <-closed)
		require.ErrorIs(t, guard.Do(t.Context(), "a", 34, nothing), ErrClosed)
		require.NoError(t, guard.Close(), "closing twice is harmless")
	})
}

// Many holders present random tokens. What a resource lets in must never fall; the race
// detector sees to it that nobody is let in beside somebody else.
func TestWhatAResourceAcceptsNeverFalls(t *testing.T) {
	inEveryGuard(t, func(t *testing.T, guard *Guard) {
		const resources, holders, attempts = 3, 12, 60
		accepted := make([][]Token, resources)
		var group sync.WaitGroup
		for holder := range holders {
			draw := rand.New(rand.NewPCG(7, uint64(holder)))
			group.Go(func() {
				for range attempts {
					resource, token := draw.IntN(resources), Token(1+draw.IntN(200))
					err := guard.Do(t.Context(), fmt.Sprint(resource), token, func() error {
						accepted[resource] = append(accepted[resource], token)
						return nil
					})
					if err != nil && !errors.Is(err, ErrStale) {
						t.Errorf("token %d: %v", token, err)
					}
				}
			})
		}
		group.Wait()
		for resource, tokens := range accepted {
			require.NotEmpty(t, tokens)
			require.True(t, slices.IsSorted(tokens), "resource %d accepted %v", resource, tokens)
		}
	})
}

// A guard is the same as a map and a comparison, whatever crashes in between.
func TestGuardIsAMapAndAComparison(t *testing.T) {
	parent := t.TempDir()
	lives := 0
	rapid.Check(t, func(t *rapid.T) {
		lives++
		machine := newFragile(t, fmt.Sprintf("%s/%d-", parent, lives))
		marks := make(map[string]Token)
		resource := rapid.SampledFrom([]string{"", "a", "b", "a longer name than any digest of it could ever be"})
		token := rapid.Map(rapid.Uint64Range(0, 30), func(number uint64) Token { return Token(number) })

		t.Repeat(map[string]func(*rapid.T){
			"present": func(t *rapid.T) {
				resource, token := resource.Draw(t, "resource"), token.Draw(t, "token")
				err := present(machine.guard, resource, token)
				switch {
				case token == 0:
					require.ErrorIs(t, err, ErrNoToken)
				case token < marks[resource]:
					require.Equal(t, &StaleError{resource, token, marks[resource]}, err)
				default:
					require.NoError(t, err)
					marks[resource] = token
				}
			},
			"reopen":     func(t *rapid.T) { machine.reopen(t) },
			"power loss": func(t *rapid.T) { machine.losePower(t) },
			"compact": func(t *rapid.T) {
				require.NoError(t, machine.guard.ledger.compact())
			},
			"failed sync, then power loss": func(t *rapid.T) {
				resource := resource.Draw(t, "resource")
				machine.syncFails = true
				require.ErrorIs(t, present(machine.guard, resource, marks[resource]+1), ErrBroken)
				require.ErrorIs(t, present(machine.guard, "another", 1), ErrBroken)
				machine.losePower(t)
			},
		})
	})
}
