package service

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Metrics are what a server tells of itself, by the name of the series as Prometheus writes it, labels and all.
type Metrics map[string]float64

// Metrics asks one of the cluster's processes. Only lockd has an answer.
func (c *Cluster) Metrics(ctx context.Context, p *Process) (Metrics, error) {
	at := slices.Index(c.Processes, p)
	if at < 0 || at >= len(c.web) {
		return nil, fmt.Errorf("%s: no metrics are served there", c.System.Name)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.web[at]+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it is only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics of %s: %s", c.web[at], response.Status)
	}
	return readMetrics(response.Body)
}

// readMetrics reads the text format of Prometheus, as far as it is used: one series in a line, its value behind the last space.
func readMetrics(from io.Reader) (Metrics, error) {
	found := Metrics{}
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		space := strings.LastIndexByte(line, ' ')
		if space < 0 {
			return nil, fmt.Errorf("%q is not a metric and its value", line)
		}
		value, err := strconv.ParseFloat(line[space+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("the value of a metric in %q: %w", line, err)
		}
		found[line[:space]] = value
	}
	return found, lines.Err()
}

// Since is by how much each series has risen.
func (m Metrics) Since(before Metrics) Metrics {
	rise := Metrics{}
	for name, value := range m {
		rise[name] = value - before[name]
	}
	return rise
}

// Longest is the least bound of a histogram that none of its observations was above; +Inf: one was above all of them.
func (m Metrics) Longest(histogram string) float64 {
	longest := math.Inf(1)
	for name, count := range m {
		bound, is := strings.CutPrefix(name, histogram+`_bucket{le="`)
		if is && count == m[histogram+"_count"] {
			v, err := strconv.ParseFloat(strings.TrimSuffix(bound, `"}`), 64)
			if err == nil {
				longest = min(longest, v)
			}
		}
	}
	return longest
}

// Above is how many observations of a histogram were greater than one of its bounds.
func (m Metrics) Above(histogram, bound string) float64 {
	return m[histogram+"_count"] - m[fmt.Sprintf("%s_bucket{le=%q}", histogram, bound)]
}
