package linearizability

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCalibration(t *testing.T) {
	require.NoError(t, Calibrate())
}

func BenchmarkCalibrate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, Calibrate())
	}
}
