package service

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const told = `# HELP lockd_loop_seconds How long a turn took.
# TYPE lockd_loop_seconds histogram
lockd_loop_seconds_bucket{le="0.001"} 90
lockd_loop_seconds_bucket{le="0.01"} 99
lockd_loop_seconds_bucket{le="+Inf"} 100
lockd_loop_seconds_sum 1.5e-1
lockd_loop_seconds_count 100

go_info{version="go1 with a space"} 1
`

func TestMetricsAreReadAsTheyAreTold(t *testing.T) {
	m, err := readMetrics(strings.NewReader(told))
	require.NoError(t, err)
	require.Equal(t, 0.15, m["lockd_loop_seconds_sum"])
	require.Equal(t, 1.0, m[`go_info{version="go1 with a space"}`])
	require.Equal(t, 1.0, m.Above("lockd_loop_seconds", "0.01"))
	require.Equal(t, 10.0, m.Above("lockd_loop_seconds", "0.001"))
	require.True(t, math.IsInf(m.Longest("lockd_loop_seconds"), 1), "one of them is above all bounds")
	require.Equal(t, 0.01, m.Since(Metrics{"lockd_loop_seconds_count": 1, `lockd_loop_seconds_bucket{le="+Inf"}`: 1}).Longest("lockd_loop_seconds"))
}

func TestMetricsRise(t *testing.T) {
	before := Metrics{"lockd_loop_seconds_count": 60, `lockd_loop_seconds_bucket{le="0.01"}`: 60}
	m, err := readMetrics(strings.NewReader(told))
	require.NoError(t, err)
	require.Equal(t, 40.0, m.Since(before)["lockd_loop_seconds_count"])
	require.Equal(t, 1.0, m.Since(before).Above("lockd_loop_seconds", "0.01"))
}

func TestWhatIsNoMetricIsRefused(t *testing.T) {
	for _, text := range []string{"alone", "name much"} {
		_, err := readMetrics(strings.NewReader(text))
		require.ErrorContains(t, err, text)
	}
}

func TestMetricsAreAskedOfTheRightServer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/metrics", r.URL.Path)
		_, _ = w.Write([]byte("grants 7\n"))
	}))
	defer server.Close()
	first, second, stranger := new(Process), new(Process), new(Process)
	c := &Cluster{System: &System{Name: "lockd"}, Processes: []*Process{first, second},
		web: []string{"127.0.0.1:1", strings.TrimPrefix(server.URL, "http://")}}
	m, err := c.Metrics(context.Background(), second)
	require.NoError(t, err)
	require.Equal(t, Metrics{"grants": 7}, m)
	_, err = c.Metrics(context.Background(), first)
	require.Error(t, err, "nobody listens there")
	_, err = c.Metrics(context.Background(), stranger)
	require.EqualError(t, err, "lockd: no metrics are served there")
}
