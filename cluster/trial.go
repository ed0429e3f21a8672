package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"lockd/client"
	"lockd/linearizability"
	"lockd/schedule"
)

const (
	// healing is how long it may take, after all faults are over, until every client was served: the sessions of clients that
	// are no more must end, a leader be found, and everybody's backoff pass, and then all get one lock, one after the other.
	healing = 30 * time.Second
	// slack is by how much a session may seem to end early, for all that its clock is the one by which it is measured.
	slack = time.Millisecond
	// budget is how many steps of the lock's model the slow judge may take.
	budget = 50_000_000
	// long is from which duration on every kind of fault must have been seen to bite.
	long = time.Minute
)

// Trial is what Torment does.
type Trial struct {
	Schedule schedule.Schedule
	Binary   string   // of lockd
	Folder   string   // for data and logs
	Crew     []string // the command line of a process that calls RunCrew
	// Unguarded takes the guard away from the resource, and lets no client look whether it still holds its lock.
	Unguarded bool
	// Progress is told how far the trial is, once a second.
	Progress func(Moment)
}

// Moment is how far a trial is.
type Moment struct {
	At                 time.Duration
	Operations, Grants int
	Injected           uint64 // faults
	Leader             int    // zero: nobody
	InForce            string // the faults of the moment
}

// Report is what a trial did and saw.
type Report struct {
	Took                time.Duration
	Operations, Grants  int
	Contended           int // grants of locks that many want
	Sessions, Elections int
	Refusals            int // of the resource, for a stale token
	Crews               int
	Faults              [schedule.Faults]Count
	Beyond              string // faults of the schedule that only a simulated world can do
	History             linearizability.History
	Judged              linearizability.Verdict
	Violations          []Violation
	Unserved            []int // clients
	Unseen              []schedule.Fault
	Healed              time.Duration // after so long every client was served
}

// Violation is something that must never happen.
type Violation struct {
	Oracle  string
	Message string
}

// Torment starts a cluster and its clients, carries the schedule out, lets everything heal, and judges what the clients were told.
// An error says that the trial itself failed, and that nothing can be concluded.
func Torment(ctx context.Context, t Trial) (Report, error) {
	s, err := t.set(ctx)
	if s != nil {
		defer s.end()
	}
	if err != nil {
		return Report{}, err
	}
	if err := s.torment(ctx); err != nil {
		return Report{}, err
	}
	report := Report{Took: time.Since(s.began), Beyond: beyond(t.Schedule.Faults)}
	if report.Healed, err = s.heal(ctx); err != nil {
		return Report{}, err
	}
	s.end()
	s.judge(&report)
	return report, nil
}

// scene is a trial under way.
type scene struct {
	trial     Trial
	began     time.Time
	cluster   *Cluster
	network   *Network
	resource  *resource
	crews     []*crew
	chronicle *chronicle
	control   *client.Client
	nemesis   *nemesis
	unwatch   context.CancelFunc
}

// set starts everything, without any fault. What it returns is to be ended, also when there is an error.
func (t Trial) set(ctx context.Context) (s *scene, err error) {
	s = &scene{trial: t, chronicle: newChronicle(), unwatch: func() {}}
	if s.cluster, err = layOut(t.Binary, t.Folder, t.Schedule.Nodes); err != nil {
		return s, err
	}
	if s.network, err = newNetwork(s.cluster.peers(), s.cluster.Endpoints(), crews(t.Schedule.Clients)); err != nil {
		return s, err
	}
	for _, n := range s.cluster.Nodes {
		n.meet(func(other *Node) string {
			if other == n {
				return n.peer
			}
			return s.network.address(member(n.ID), member(other.ID))
		}, s.cluster.Nodes)
	}
	if err = s.cluster.start(ctx); err != nil {
		return s, err
	}
	if s.resource, err = openResource(!t.Unguarded); err != nil {
		return s, err
	}
	if s.control, err = client.New(s.cluster.Endpoints()); err != nil {
		return s, err
	}
	s.began = time.Now()
	return s, s.hire()
}

// hire starts the crews.
func (s *scene) hire() error {
	var processes atomic.Int64
	count := crews(s.trial.Schedule.Clients)
	for number := 1; number <= count; number++ {
		c := &crew{
			number: number, command: s.trial.Crew, chronicle: s.chronicle,
			log:     filepath.Join(s.trial.Folder, fmt.Sprintf("crew-%d.log", number)),
			tellers: func() int { return int(processes.Add(1)) },
			orders: orders{
				Endpoints: s.cluster.Endpoints(), Resource: s.resource.url(), Careless: s.trial.Unguarded, Seed: s.trial.Schedule.Seed,
			},
		}
		for i := range s.cluster.Nodes {
			c.orders.Proxies = append(c.orders.Proxies, s.network.address(place{true, number}, member(i+1)))
		}
		for client := number; client <= s.trial.Schedule.Clients; client += count {
			c.orders.Clients = append(c.orders.Clients, client)
		}
		s.crews = append(s.crews, c)
		if err := c.start(); err != nil {
			return err
		}
	}
	return nil
}

// torment lets the nemesis loose for the duration of the schedule. It ends early when a process has ended by itself: what comes after
// that is of no interest.
func (s *scene) torment(ctx context.Context) error {
	watching, unwatch := context.WithCancel(ctx)
	s.unwatch = unwatch
	s.nemesis = &nemesis{
		members: s.cluster.Nodes, crews: s.crews, network: s.network, control: s.control,
		throne: watchThrone(watching, s.cluster.Nodes, s.control), down: map[*Node]bool{}, taken: map[*crew]bool{},
	}
	under, lift := context.WithTimeout(ctx, time.Duration(s.trial.Schedule.Duration))
	defer lift()
	go func() {
		for under.Err() == nil {
			if s.trial.Progress != nil {
				s.trial.Progress(s.moment())
			}
			if len(s.deaths()) > 0 {
				lift()
			}
			pause(under, time.Second)
		}
	}()
	s.nemesis.run(under, s.trial.Schedule.Faults)
	_, failures := s.nemesis.tally()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return failures
}

func (s *scene) moment() Moment {
	m := Moment{At: time.Since(s.began), Leader: s.nemesis.throne.leader(), InForce: s.nemesis.inForce()}
	m.Operations, m.Grants = s.chronicle.sums()
	counts, _ := s.nemesis.tally()
	for _, c := range counts {
		m.Injected += c.Injected
	}
	return m
}

// heal waits until every client was served. It tells how long that took.
func (s *scene) heal(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	for _, c := range s.crews {
		if err := c.conclude(); err != nil && len(s.deaths()) == 0 {
			return 0, fmt.Errorf("crew %d can't be told that everything has healed: %w", c.number, err)
		}
	}
	for time.Since(began) < healing && len(s.deaths()) == 0 && len(s.chronicle.unserved(s.trial.Schedule.Clients)) > 0 {
		if pause(ctx, 10*time.Millisecond); ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
	}
	return time.Since(began), nil
}

// deaths are sentences about processes that ended by themselves.
func (s *scene) deaths() []string {
	var sentences []string
	for _, n := range s.cluster.Nodes {
		for _, death := range n.Deaths() {
			sentences = append(sentences, fmt.Sprintf("member %d ended by itself: %s", n.ID, death))
		}
	}
	for _, c := range s.crews {
		for _, death := range c.Deaths() {
			sentences = append(sentences, fmt.Sprintf("crew %d ended by itself: %s", c.number, death))
		}
	}
	return sentences
}

// end ends all processes, and waits until all was heard. It may be called twice.
func (s *scene) end() {
	s.unwatch()
	for _, c := range s.crews {
		c.dismiss()
	}
	if s.control != nil {
		_ = s.control.Close() // it holds nothing
	}
	if s.cluster != nil {
		s.cluster.Stop()
	}
	if s.network != nil {
		s.network.Close()
	}
	if s.resource != nil {
		s.resource.close()
	}
}

// judge concludes.
func (s *scene) judge(r *Report) {
	c := s.chronicle
	r.Operations, r.Grants = c.sums()
	r.Contended, r.Sessions, r.Refusals = c.contended, c.sessions, c.refusals
	r.Elections, r.Crews = s.nemesis.throne.elections(), len(s.crews)
	r.Faults, _ = s.nemesis.tally()
	if len(s.deaths()) == 0 { // else nothing was waited for
		r.Unserved = c.unserved(s.trial.Schedule.Clients)
	}
	r.Unseen = unseen(s.trial.Schedule, r.Faults)
	r.History = c.history()
	r.accuse("process", s.deaths())
	r.accuse("lost-update", s.resource.losses())
	r.accuse("early-expiry", c.early)
	r.accuse("first-come", c.outOfOrder())
	r.Judged = linearizability.Judge(&r.History, budget)
	if v := r.Judged.Violation; v != nil {
		r.Violations = append(r.Violations, Violation{string(v.Oracle), v.Message})
	}
}

func (r *Report) accuse(oracle string, sentences []string) {
	for _, sentence := range sentences {
		r.Violations = append(r.Violations, Violation{oracle, sentence})
	}
}

// unseen are the kinds of fault of a longer schedule that never made a difference.
func unseen(s schedule.Schedule, counts [schedule.Faults]Count) []schedule.Fault {
	var unseen []schedule.Fault
	for f := range schedule.Faults {
		planned := slices.ContainsFunc(s.Faults, func(strike schedule.Strike) bool { return strike.Fault == f })
		if planned && attacks[f].befall != nil && time.Duration(s.Duration) > long && counts[f].Observed == 0 {
			unseen = append(unseen, f)
		}
	}
	return unseen
}

// peers are the members' addresses for each other.
func (c *Cluster) peers() []string {
	peers := make([]string, len(c.Nodes))
	for i, n := range c.Nodes {
		peers[i] = n.peer
	}
	return peers
}
