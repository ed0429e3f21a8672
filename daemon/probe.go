package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// probeTimeout is how soon the loop must look at a question, if the process is to count as healthy.
const probeTimeout = time.Second

// observe asks the loop how the server stands.
func (d *Daemon) observe(ctx context.Context) (view, error) {
	if !d.born.Load() {
		if err := d.formation.pending(); err != nil {
			return view{}, err
		}
		return view{}, errUnborn
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return d.inbox.observe(ctx)
}

// errUnborn is for the moment between a cluster's forming and the loop's first turn.
var errUnborn = errors.New("the node is starting")

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
// whatever it knows to be committed.
func (d *Daemon) Ready(ctx context.Context) error {
	if err := d.Err(); err != nil {
		return err
	}
	v, err := d.observe(ctx)
	switch {
	case err != nil:
		return errors.Join(err, d.refusals())
	case v.status.Leader == 0:
		return errors.Join(errors.New("no leader is known"), d.refusals())
	case v.status.Applied < v.status.Commit:
		return fmt.Errorf("entries are committed up to %d, and applied up to %d", v.status.Commit, v.status.Applied)
	}
	return nil
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
