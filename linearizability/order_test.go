package linearizability

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Lock a is granted under token 3 after its release, and lock b under token 4 before that, although their Acquires overlap.
func TestTokensFallBetweenLocksThatOverlap(t *testing.T) {
	for token, result := range map[uint64]Result{4: Fail, 2: Pass} {
		h := tell([]Operation{acquired(1), acquired(3), acquired(token).of("b"), released(1, Done)})
		h.Operations[1].Return = 10
		v := Judge(&h, plenty)
		require.Equal(t, result, v.Result, "%+v", v.Violation)
		if v.Result == Fail {
			require.Equal(t, TokenOrder, v.Violation.Oracle)
			require.Equal(t, [2]int{2, 1}, v.Violation.Operations, v.Violation.Message)
		}
	}
}

// A grant that nobody heard of is as old as whoever saw it first: no higher token comes after that of lock b, and no lower one is
// granted later.
func TestTokenThatWasSeen(t *testing.T) {
	h := tell([]Operation{acquired(0).of("b").unanswered(), busy(5).of("b"), acquired(4)})
	require.Equal(t, TokenOrder, Judge(&h, plenty).Violation.Oracle)
	h = tell([]Operation{acquired(0).of("b").unanswered(), busy(5).of("b"), acquired(6)})
	require.Equal(t, Pass, Judge(&h, plenty).Result)
	h = tell([]Operation{acquired(0).of("b").unanswered(), released(5, Done).of("b"), acquired(4)})
	require.Equal(t, TokenOrder, Judge(&h, plenty).Violation.Oracle)
}

// A token that was granted is of the lock that it was granted for, even if the Acquire of the other one got no answer.
func TestTokenIsOfOneLock(t *testing.T) {
	for _, sight := range []Operation{busy(1), checked(1, Done), released(1, Done)} {
		h := tell([]Operation{acquired(0).of("b").unanswered(), acquired(1), sight.of("b")})
		v := Judge(&h, plenty).Violation
		require.Equal(t, TokenOrder, v.Oracle)
		require.Equal(t, [2]int{1, 2}, v.Operations)
	}
}

// Lock b's token 2 may have been granted at any time, but that does not hide that lock c's token 3 came before lock a's token 1.
func TestTokensFallPastOneThatFits(t *testing.T) {
	h := tell([]Operation{acquired(2).of("b"), acquired(3).of("c"), acquired(1)})
	h.Operations[0].Return = 9
	v := Judge(&h, plenty).Violation
	require.NotNil(t, v)
	require.Equal(t, [2]int{1, 2}, v.Operations, v.Message)
}
