package boottime

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheClockGoesOn(t *testing.T) {
	before := Now()
	require.Eventually(t, func() bool { return Now() > before }, 10*time.Second, time.Microsecond)
}
