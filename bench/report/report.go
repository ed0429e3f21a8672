package report

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Report is what one run of a benchmark has found. All of it is in its JSON.
type Report struct {
	Name      string     `json:"name"` // for files
	Title     string     `json:"title"`
	Command   string     `json:"command"`
	Began     time.Time  `json:"began"`
	Machine   Machine    `json:"machine"`
	Commit    string     `json:"commit"` // of this project
	Subjects  []Subject  `json:"subjects"`
	Notes     []string   `json:"notes,omitempty"` // what was skipped or went wrong
	Workloads []Workload `json:"workloads"`
}

// Subject is one of those that were measured beside each other. The first one is ours.
type Subject struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Settings string   `json:"settings"`
	Choices  []string `json:"choices,omitempty"` // what was chosen for it where there was a choice, and why: a sentence each
}

// Workload is one thing that all subjects had to do, in rounds.
type Workload struct {
	Name    string   `json:"name"`
	About   string   `json:"about"`
	Case    string   `json:"case"` // what a point's Case counts, such as clients
	Plotted bool     `json:"plotted"`
	Metrics []Metric `json:"metrics"` // the first is the one by which subjects are compared
	Points  []Point  `json:"points"`
}

// Metric is one of the figures of a workload.
type Metric struct {
	Name    string   `json:"name"` // with its unit
	Lower   bool     `json:"lower_is_better,omitempty"`
	Growth  Growth   `json:"growth,omitempty"`  // how it may grow with the case
	Ceiling *float64 `json:"ceiling,omitempty"` // what it must never exceed; nil: there is no such bound
}

// Point is what one subject did in one round.
type Point struct {
	Subject string             `json:"subject"`
	Case    string             `json:"case"`
	Round   int                `json:"round"`
	Values  map[string]float64 `json:"values"` // by the metric's name
}

// Add takes a point in.
func (w *Workload) Add(subject, c string, round int, values map[string]float64) {
	w.Points = append(w.Points, Point{subject, c, round, values})
}

// Write makes a file of it, as JSON.
func (r *Report) Write(file string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// Read reads what Write has written.
func Read(file string) (*Report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(Report)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}
