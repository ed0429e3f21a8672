package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// progress says how far a campaign is: on a terminal in a line that changes, elsewhere with a line each minute.
type progress struct {
	campaign *campaign
	every    time.Duration
	next     time.Time
	live     bool
	shown    bool
}

func newProgress(c *campaign) *progress {
	p := &progress{campaign: c, every: time.Minute, live: term.IsTerminal(int(os.Stderr.Fd()))}
	if p.live {
		p.every = 200 * time.Millisecond
	}
	p.next = c.began.Add(p.every)
	return p
}

func (p *progress) show(t *tally) {
	now := time.Now()
	if now.Before(p.next) {
		return
	}
	p.next = now.Add(p.every)
	sentence := p.sentence(t, now.Sub(p.campaign.began), processorTime())
	if p.live {
		fmt.Fprint(os.Stderr, "\r\x1b[K"+sentence)
		p.shown = true
	} else {
		fmt.Fprintln(os.Stderr, sentence)
	}
}

func (p *progress) sentence(t *tally, elapsed, cpu time.Duration) string {
	return fmt.Sprintf("%d of %s, %d failed, %.1f simulated hours, %.0f events/s, %d faults observed, %v left", t.seeds, counted(p.campaign.count(), "seed"),
		len(t.failures), t.simulated.Hours(), float64(t.events)/elapsed.Seconds(), t.faults.observed(), p.left(t.seeds, elapsed, cpu))
}

// left is how long it will take at this pace, or until a limit is reached.
func (p *progress) left(seeds uint64, elapsed, cpu time.Duration) time.Duration {
	c := p.campaign
	left := time.Duration(float64(elapsed) / float64(seeds) * float64(c.count()-seeds))
	if c.wall > 0 {
		left = min(left, c.wall-elapsed)
	}
	if c.cpu > 0 && cpu > 0 {
		left = min(left, time.Duration(float64(elapsed)*(float64(c.cpu)/float64(cpu)-1)))
	}
	return max(0, left).Round(time.Second)
}

// clear takes the line away, so that something else can be printed.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
		p.shown = false
	}
}
