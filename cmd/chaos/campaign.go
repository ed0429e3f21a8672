package main

import (
	"runtime"
	"sync"
	"time"

	"lockd/sim"
)

// campaign is one `chaos run`: many worlds, a few at a time.
type campaign struct {
	itinerary
	jobs        int
	twice, stop bool
	cpu, wall   time.Duration // begin no more worlds after so much; zero: no limit
	began       time.Time

	run       func(sim.Config) sim.Report
	calibrate func() error // tests the judges
}

// outcome is what became of a world, and whether running it again gave another.
type outcome struct {
	world   sim.Config
	report  sim.Report
	twice   bool
	differs bool
}

func (o outcome) failed() bool { return o.report.Verdict != sim.Pass || o.differs }

// outcomes runs the worlds and gives what became of them, as they end.
func (c *campaign) outcomes() <-chan outcome {
	outcomes, seeds, enough := make(chan outcome), make(chan uint64), make(chan struct{})
	var once sync.Once
	var workers sync.WaitGroup
	for range c.jobs {
		workers.Go(func() {
			for seed := range seeds {
				o := c.visit(c.worldOf(seed))
				if c.stop && o.failed() {
					once.Do(func() { close(enough) })
				}
				outcomes <- o
			}
		})
	}
	go func() {
		c.handOut(seeds, enough)
		workers.Wait()
		close(outcomes)
	}()
	return outcomes
}

func (c *campaign) handOut(seeds chan<- uint64, enough <-chan struct{}) {
	defer close(seeds)
	for n := range c.count() {
		if c.cpu > 0 && processorTime() >= c.cpu || c.wall > 0 && time.Since(c.began) >= c.wall {
			return
		}
		select {
		case seeds <- c.seed(n):
		case <-enough:
			return
		}
	}
}

// checkedTwice is of how many seeds one is run twice when nobody asks for more: what makes two runs of a seed differ seldom does so in
// a single one.
const checkedTwice = 20

func (c *campaign) visit(world sim.Config) outcome {
	o := outcome{world: world, report: c.run(world), twice: c.twice || world.Seed%checkedTwice == 0}
	if o.twice {
		again := c.elsewhere(world)
		o.differs = again.Hash != o.report.Hash || again.Events != o.report.Events || again.Verdict != o.report.Verdict
	}
	return o
}

// elsewhere runs a world on another thread of the operating system, and, when that disturbs nobody, on another number of processors.
func (c *campaign) elsewhere(world sim.Config) sim.Report {
	reports := make(chan sim.Report)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		reports <- c.run(world)
	}()
	if c.jobs == 1 {
		usual, other := runtime.GOMAXPROCS(0), 1
		if usual == 1 {
			other = 2
		}
		runtime.GOMAXPROCS(other)
		defer runtime.GOMAXPROCS(usual)
	}
	return <-reports
}
