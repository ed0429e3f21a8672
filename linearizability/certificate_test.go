package linearizability

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A certificate is a whole order, of acts that are possible one after the other, each within its own span. Each rule by itself.
func TestCertificateRules(t *testing.T) {
	h := tell([]Operation{acquired(1), released(1, Done), checked(1, Refused)})
	s := unravel(&h)[0]
	order, _ := s.sweep(&h)
	require.Equal(t, []moment{{0, 2}, {1, 6}, {2, 10}}, order)
	for name, wrong := range map[string][]moment{
		"too early":      {{0, 1}, {1, 6}, {2, 10}},
		"too late":       {{0, 2}, {1, 8}, {2, 10}},
		"one is missing": {{0, 2}, {1, 6}},
		"one is twice":   {{0, 2}, {1, 6}, {2, 10}, {2, 10}},
	} {
		v := s.certify(wrong)
		require.NotNil(t, v, name)
		require.Equal(t, JudgesDisagree, v.Oracle, name)
	}
	overlapping := tell([]Operation{checked(8, Refused), checked(9, Refused)})
	overlapping.Operations[0].Return = 9
	s = unravel(&overlapping)[0]
	require.Nil(t, s.certify([]moment{{0, 2}, {1, 6}}))
	require.NotNil(t, s.certify([]moment{{1, 6}, {0, 2}}), "time runs back")

	handed := tell([]Operation{acquired(1), released(1, Done)})
	handed.Operations[0].Return = 9
	s = unravel(&handed)[0]
	require.Nil(t, s.certify([]moment{{0, 6}, {1, 6}}))
	require.NotNil(t, s.certify([]moment{{1, 6}, {0, 6}}), "impossible")
}
