package daemon

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lockd/internal/boottime"
	"lockd/raft"
	"lockd/server"
	"lockd/transport"
	"lockd/wal"
	"lockd/wire"
)

// open does what can fail. What it has opened is closed by abort.
func (d *Daemon) open() error {
	recovered, err := d.openLog()
	if err != nil {
		return err
	}
	if err := d.listen(); err != nil {
		return err
	}
	stored := recovered.Stored
	membership := stored.Snapshot.Membership
	if d.config.Join && len(recovered.Identity.Promised.Members) > 0 {
		return errors.New("the data directory has promised to found a cluster, and can't join another one: empty it, if no cluster was founded with it")
	}
	d.acquaintances = newAcquaintances(d.config.Members, d.config.Join)
	d.formation = newFormation(recovered.Identity, membership, d.founders(), d.advertised())
	d.disk = newDisk(d.log, d.inbox, d.meters, d.logger)
	d.saver = newSaver(d.log, d.disk, d.inbox, d.meters, d.logger)
	d.scrubber = &scrubber{log: d.log, inbox: d.inbox, logger: d.logger, interval: d.config.ScrubInterval, stop: make(chan struct{})}
	var node *server.Server
	if recovered.Identity.Formed() {
		if node, err = d.newServer(stored); err != nil {
			return err
		}
	}
	d.logger.Info("started", "cluster", recovered.Identity.Cluster.String(), "formed", recovered.Identity.Formed(),
		"clients", d.ClientAddress(), "peers", d.PeerAddress(), "http", d.HTTPAddress(),
		"term", uint64(stored.Term), "snapshot", uint64(stored.Snapshot.Index), "entries", len(stored.Entries))
	d.serve(node)
	return nil
}

func (d *Daemon) openLog() (wal.Recovered, error) {
	files := d.config.Files
	if files == nil {
		if err := makeDirectory(d.config.Directory, syncDirectory); err != nil {
			return wal.Recovered{}, fmt.Errorf("data directory: %w", err)
		}
		files = wal.OS(d.config.Directory)
	}
	log, recovered, err := wal.Open(files, wal.Options{
		Member: d.config.Member, Incarnation: mint(), SegmentSize: d.config.Limits.SegmentBytes,
	})
	if err != nil {
		return recovered, fmt.Errorf("data directory %s: %w", d.config.Directory, err)
	}
	switch {
	case recovered.Stored.Damage != nil && recovered.Stored.Damage.Doubt:
		d.logger.Error("the last record of the log is lost: the node abstains from votes and acknowledges nothing, until all other voters have told it their terms",
			"damage", recovered.Damaged, "readable", len(recovered.Stored.Entries))
	case recovered.Stored.Damage != nil:
		d.logger.Error("the log is damaged: the node votes as one that still holds it, and gets it back from the other members",
			"damage", recovered.Damaged, "readable", len(recovered.Stored.Entries), "ended", uint64(recovered.Stored.Damage.End.Index))
	case recovered.Damaged != nil:
		d.logger.Warn("the data directory is damaged, and nothing is lost", "damage", recovered.Damaged)
	}
	d.log, d.incarnation = log, recovered.Identity.Incarnation
	return recovered, nil
}

// serve starts the goroutines. Node is nil while the cluster is not formed.
func (d *Daemon) serve(node *server.Server) {
	d.peers = transport.NewPeers(transport.PeersConfig{
		Self: d.config.Member, Listener: d.peerListener, Addresses: d.acquaintances.addresses(), TLS: d.config.PeerTLS,
		Supports: supported, Hello: d.formation.hello, Judge: d.judge, Deliver: d.deliver,
		Lost: d.lost, Closed: d.closed,
		Patience: max(4*d.config.ElectionTimeout, time.Second), Logger: d.logger,
	})
	d.clients = transport.NewClients(transport.ClientsConfig{
		Listener: d.clientListener, TLS: d.config.ClientTLS,
		Call: d.call, Hangup: d.hangup, MaxStreamCalls: d.config.Limits.StreamCalls,
	})
	d.serveHTTP()
	d.loops.Go(d.meet)
	if node != nil {
		d.run(node)
	} else {
		d.loops.Go(d.form)
	}
}

// founders are those with whom this node founds a cluster, if its directory is of none.
func (d *Daemon) founders() []raft.ID {
	if d.config.Join {
		return nil
	}
	return d.config.ids()
}

// judge decides whether who greets this node is welcome, and sees to it that it can be answered.
func (d *Daemon) judge(hello wire.Hello) error {
	if err := d.formation.judge(hello); err != nil {
		return err
	}
	d.acquaintances.meet(hello)
	return nil
}

// meet dials whoever is to be dialled, as members come and go.
func (d *Daemon) meet() {
	for {
		select {
		case <-d.unborn:
			return
		case <-d.acquaintances.changed:
			d.peers.Meet(d.acquaintances.addresses())
		}
	}
}

func (d *Daemon) serveHTTP() {
	d.meters.registry.MustRegister(collector{d})
	if d.httpListener == nil {
		return
	}
	d.http = transport.NewHTTP(transport.HTTPConfig{
		Listener: d.httpListener, TLS: d.config.HTTPTLS, Clients: d.clients,
		Metrics: promhttp.HandlerFor(d.meters.registry, promhttp.HandlerOpts{}),
		Healthy: d.healthy, Ready: d.Ready, Logger: d.logger,
	})
}

// form has written down what the formation decides, until the cluster is founded, and begins.
func (d *Daemon) form() {
	for {
		select {
		case <-d.unborn:
			return
		case m := <-d.formation.promising:
			if !d.write(func() error { return d.log.Promise(m) }) {
				return
			}
			d.formation.promised(m)
			d.logger.Info("promised to found a cluster", "cluster", clusterOf(m).String(), "members", describe(m))
			d.peers.Reintroduce()
		case c := <-d.formation.founding:
			d.found(c)
			return
		}
	}
}

func (d *Daemon) found(c founding) {
	var stored raft.Stored
	establish := func() (err error) { stored, err = d.log.Form(c.cluster, c.membership); return err }
	if c.joins() {
		establish = func() (err error) { stored, err = d.log.Join(c.cluster); return err }
	}
	if !d.write(establish) {
		return
	}
	d.formation.formed(c)
	if c.joins() {
		d.logger.Info("cluster joined", "cluster", c.cluster.String())
	} else {
		d.logger.Info("cluster formed", "cluster", c.cluster.String(), "members", names(members(c.membership.Members)))
	}
	node, err := d.newServer(stored)
	if err != nil {
		d.fail(err)
		return
	}
	d.run(node)
	d.peers.Reintroduce()
}

// write tells whether something was written. Only a writer waits for the disk: a node that stops does not.
func (d *Daemon) write(attempt func() error) bool {
	written := make(chan struct{})
	d.writers.Go(func() {
		if err := d.whenRoom(attempt); err != nil {
			d.fail(err)
			return
		}
		close(written)
	})
	select {
	case <-d.unborn:
		return false
	case <-written:
		return true
	}
}

// whenRoom waits for room if it has to: nobody was told of what is written yet.
func (d *Daemon) whenRoom(attempt func() error) error {
	for {
		err := attempt()
		if !errors.Is(err, wal.ErrDiskFull) {
			return err
		}
		d.logger.Error("disk full: the cluster can't be formed until there is room")
		select {
		case <-d.unborn:
			return err
		case <-time.After(roomInterval):
		}
	}
}

func (d *Daemon) newServer(stored raft.Stored) (*server.Server, error) {
	return server.New(server.Config{
		Raft: d.config.raft(d.incarnation), Version: supported, SnapshotBytes: d.config.Limits.SnapshotBytes,
		MaxCalls: d.config.Limits.Calls, ClockInterval: clockInterval,
	}, stored, 0)
}

// run starts the loop and those that work for it.
func (d *Daemon) run(node *server.Server) {
	l := &loop{
		server: node, inbox: d.inbox, disk: d.disk, saver: d.saver, peers: d.peers, formation: d.formation, acquaintances: d.acquaintances, meters: d.meters,
		serving: d.clients.SetServing, logger: d.logger, began: boottime.Now(), heartbeat: d.config.Heartbeat,
		callers: map[server.CallID]transport.Caller{}, handed: d.handed, outdated: d.fail,
	}
	for _, work := range []func() error{d.disk.run, d.saver.run, d.scrubber.run} {
		d.writers.Go(func() {
			if err := work(); err != nil {
				d.fail(err)
			}
		})
	}
	l.noteMembership()
	l.noteVersion()
	d.loops.Go(l.run)
	d.born.Store(true)
}

// abort closes what a Start that failed has opened.
func (d *Daemon) abort() error {
	var errs []error
	for _, listener := range []net.Listener{d.peerListener, d.clientListener, d.httpListener} {
		if listener != nil {
			errs = append(errs, listener.Close())
		}
	}
	if d.log != nil {
		errs = append(errs, d.log.Close())
	}
	return errors.Join(errs...)
}
