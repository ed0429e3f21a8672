package exhibits

import (
	"fmt"
	"time"

	"lockd/linearizability"
	"lockd/schedule"
	"lockd/sim"
)

// twin is lockd in the simulated world of package sim, under the faults of an exhibit. All else there is calm, so that
// whatever goes wrong comes from these.
type twin struct {
	seed uint64
	// plan says what they are. Some wait for a moment, such as that in which somebody is granted a lock, and find it in a
	// rehearsal.
	plan func(rehearsal) []blow
	// proof names what must have come about, in the words of the simulator's probes, or the faults have missed.
	proof []string
}

// rehearsal shows the twin's world under the first blows of a plan: up to the next one, the performance will be the same.
type rehearsal func(first []blow) linearizability.History

// blow is a fault with the words for it.
type blow struct {
	schedule.Strike
	words string
	hits  holding // what it is aimed at, if that is somebody's lock
}

const (
	servers  = 5
	clients  = 6
	twinTime = 25 * time.Second
)

// world is where the blows fall.
func (t twin) world(blows []blow) sim.Config {
	config := sim.Config{
		Seed: t.seed, Profile: sim.Calm, Members: servers, Clients: clients, Duration: twinTime, History: true, Record: true,
		Schedule: &schedule.Schedule{},
	}
	for _, b := range blows {
		config.Schedule.Faults = append(config.Schedule.Faults, b.Strike)
	}
	return config
}

// rehearse does without what comes late.
func (t twin) rehearse(first []blow) linearizability.History {
	config := t.world(first)
	config.Duration = twinTime / 3
	return sim.Run(config).History
}

// Twin tells how lockd fares under the faults of the exhibit. The error says that lockd came to harm, or that the faults
// made no difference.
func (e Exhibit) Twin(tell Tell) (sim.Report, error) {
	blows := e.twin.plan(e.twin.rehearse)
	config := e.twin.world(blows)
	var told story
	config.Tell = told.hear
	report := sim.Run(config)
	if tell != nil {
		told.gather(blows, report)
		told.read(tell)
	}
	return report, e.twin.examine(report, blows)
}

// examine makes sure that the report is a good one, and worth something.
func (t twin) examine(r sim.Report, blows []blow) error {
	if r.Verdict != sim.Pass {
		return fmt.Errorf("lockd: %v: %s: %s", r.Verdict, r.Oracle, r.Message)
	}
	if r.Grants == 0 {
		return fmt.Errorf("lockd granted no lock")
	}
	for _, b := range blows {
		if r.Faults[b.Fault].Observed == 0 {
			return fmt.Errorf("%v made no difference to lockd", b.Fault)
		}
	}
	hits := map[string]uint64{}
	for _, probe := range r.Probes {
		hits[probe.Name] = probe.Hits
	}
	for _, name := range t.proof {
		if hits[name] == 0 {
			return fmt.Errorf("with lockd it did not come about that %s", name)
		}
	}
	return nil
}
