package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockd/raft"
)

// probeTimeout is how soon the loop must look at a question, if the process is to count as healthy.
const probeTimeout = time.Second

// observe asks the loop how the server stands.
func (d *Daemon) observe(ctx context.Context) (view, error) {
	if !d.born.Load() {
		return view{}, d.unready()
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return d.inbox.observe(ctx)
}

// stallMost is how long a disk may be busy with one sync, at least, before the node does not count as ready.
const stallMost = time.Second

// errStopping is for a node that was told to end, or has to.
var errStopping = errors.New("the node is stopping")

// errUnborn is for the moment between a cluster's forming and the loop's first turn.
var errUnborn = errors.New("the node is starting")

// unready says what a node that is not born waits for.
func (d *Daemon) unready() error {
	if err := d.formation.pending(); err != nil {
		return err
	}
	return errUnborn
}

// healthy says whether the process is alive: one that waits for its cluster to be formed is.
func (d *Daemon) healthy(ctx context.Context) error {
	if err := d.Err(); err != nil {
		return err
	}
	if !d.born.Load() {
		return nil
	}
	_, err := d.observe(ctx)
	return err
}

// Ready says why no call should be sent to this node at the moment. Nil: it knows a leader, and has applied
// whatever it knows to be committed, and its disk works.
func (d *Daemon) Ready(ctx context.Context) error {
	if err := d.Err(); err != nil {
		return err
	}
	if d.stopping.Load() {
		return errStopping
	}
	v, err := d.observe(ctx)
	switch stalled := d.disk.stalled(); {
	case err != nil:
		return errors.Join(err, d.refusals())
	case v.status.Doubt:
		return errors.Join(fmt.Errorf("this node's last record is lost: it abstains until all voters have told it their terms, and %s", awaited(&v.status)), d.refusals())
	case v.status.Leader == 0 && v.status.Hole.First != 0:
		return errors.Join(fmt.Errorf("no leader is known, and entries %d to %d of this node's log can't be read", v.status.Hole.First, v.status.Hole.Last), d.refusals())
	case v.status.Hole.First != 0:
		return fmt.Errorf("entries from %d on, up to %d at most, are still to be got back; if the log never had so many, this ends with the next term (lockd transfer-leader)", v.status.Hole.First, v.status.Hole.Last)
	case v.status.Leader == 0:
		return errors.Join(errors.New("no leader is known"), d.refusals())
	case v.status.Applied < v.status.Commit:
		return fmt.Errorf("entries are committed up to %d, and applied up to %d", v.status.Commit, v.status.Applied)
	case stalled > max(stallMost, 2*d.config.ElectionTimeout):
		return fmt.Errorf("the disk has made nothing durable for %v", stalled.Round(time.Millisecond))
	}
	return nil
}

// awaited says what keeps a member in doubt.
func awaited(s *raft.Status) string {
	switch voters := s.Membership.Members; {
	case len(s.Awaits) > 0:
		return "has not heard from members " + names(s.Awaits)
	case len(voters) == 1 && voters[0].ID == s.ID:
		return "there are no others, so nobody knows what was in it: see lockd recover --help"
	}
	return "does not know yet who they are"
}

// refusals are what other members have against this one.
func (d *Daemon) refusals() error {
	var all []error
	for _, s := range d.peers.Statistics() {
		if s.Refusal != "" {
			all = append(all, fmt.Errorf("member %d: %s", s.Member, s.Refusal))
		}
	}
	return errors.Join(all...)
}
