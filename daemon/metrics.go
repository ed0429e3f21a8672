package daemon

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"lockd/raft"
	"lockd/server"
)

// meters are what the goroutines measure themselves. Everything else is looked up
// when somebody asks for it.
type meters struct {
	registry *prometheus.Registry
	turn     prometheus.Histogram
	sync     prometheus.Histogram
	snapshot prometheus.Histogram
	records  prometheus.Counter
	bytes    prometheus.Counter
}

func newMeters() *meters {
	m := &meters{
		registry: prometheus.NewRegistry(),
		turn: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lockd_loop_seconds", Help: "How long the loop took to step what had come and to hand out what followed. Nobody is heard meanwhile.",
			Buckets: []float64{100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1},
		}),
		sync: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lockd_fsync_seconds", Help: "How long it took to write records and make them durable.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 16),
		}),
		snapshot: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lockd_snapshot_seconds", Help: "How long it took to encode a snapshot and make it durable.",
			Buckets: prometheus.ExponentialBuckets(1e-3, 2, 16),
		}),
		records: prometheus.NewCounter(prometheus.CounterOpts{Name: "lockd_records_total", Help: "Records appended to the log."}),
		bytes:   prometheus.NewCounter(prometheus.CounterOpts{Name: "lockd_record_bytes_total", Help: "Entry data in these records."}),
	}
	m.registry.MustRegister(m.turn, m.sync, m.snapshot, m.records, m.bytes,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *meters) record(r *raft.Record) {
	m.records.Inc()
	bytes := 0
	for i := range r.Entries {
		bytes += len(r.Entries[i].Data)
	}
	m.bytes.Add(float64(bytes))
}

// gauge is a number read from a view.
type gauge struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	read        func(*view) uint64
}

func counted(name, help string, read func(*view) uint64) gauge {
	return gauge{prometheus.NewDesc("lockd_"+name, help, nil, nil), prometheus.CounterValue, read}
}

func measured(name, help string, read func(*view) uint64) gauge {
	return gauge{prometheus.NewDesc("lockd_"+name, help, nil, nil), prometheus.GaugeValue, read}
}

var gauges = []gauge{
	counted("calls_total", "Calls that reached the server.", func(v *view) uint64 { return v.statistics.Calls }),
	counted("renewals_total", "Renewals asked for.", func(v *view) uint64 { return v.renewals }),
	counted("proposals_total", "Commands put into the log.", func(v *view) uint64 { return v.statistics.Proposed }),
	counted("queries_total", "Queries taken.", func(v *view) uint64 { return v.statistics.Queried }),
	counted("applied_total", "Entries applied.", func(v *view) uint64 { return v.statistics.Applied }),
	counted("terms_total", "Terms that went by.", func(v *view) uint64 { return v.statistics.Terms }),
	counted("elections_won_total", "Terms that this node led.", func(v *view) uint64 { return v.statistics.Elected }),
	counted("snapshots_total", "Snapshots ordered.", func(v *view) uint64 { return v.statistics.Snapshots }),
	counted("grants_total", "Tokens granted since the cluster was born.", func(v *view) uint64 { return v.counts.Grants }),
	counted("releases_total", "Grants given back since the cluster was born.", func(v *view) uint64 { return v.counts.Releases }),
	counted("expiries_total", "Sessions expired since the cluster was born.", func(v *view) uint64 { return v.counts.Expiries }),
	counted("waits_timed_out_total", "Bounded waits that ran out since the cluster was born.", func(v *view) uint64 { return v.counts.TimedOut }),

	measured("term", "The current term.", func(v *view) uint64 { return uint64(v.status.Term) }),
	measured("leader", "The member that leads, 0 when none is known.", func(v *view) uint64 { return uint64(v.status.Leader) }),
	measured("is_leader", "1 while this node leads.", func(v *view) uint64 {
		if v.status.Role == raft.Leader {
			return 1
		}
		return 0
	}),
	measured("disk_full", "1 while the disk has no room for more records.", func(v *view) uint64 {
		if v.status.Full {
			return 1
		}
		return 0
	}),
	measured("disk_stalled", "1 while the disk has been at work on one record for half an election timeout.", func(v *view) uint64 {
		if v.status.Stalled {
			return 1
		}
		return 0
	}),
	measured("commit_index", "The highest entry known to be committed.", func(v *view) uint64 { return uint64(v.status.Commit) }),
	measured("applied_index", "The highest entry applied.", func(v *view) uint64 { return uint64(v.status.Applied) }),
	measured("apply_lag", "Entries committed and not applied.", func(v *view) uint64 { return uint64(v.status.Commit - v.status.Applied) }),
	measured("last_index", "The last entry in the log.", func(v *view) uint64 { return uint64(v.status.Last) }),
	measured("snapshot_index", "The entry that the last snapshot stands at.", func(v *view) uint64 { return uint64(v.status.Snapshot) }),
	measured("log_missing_first", "The first entry that can't be read any more and has to come from another member, 0 when the log is whole.",
		func(v *view) uint64 { return uint64(v.status.Hole.First) }),
	measured("log_missing_last", "The last such entry, or a later one if that is not certain.", func(v *view) uint64 { return uint64(v.status.Hole.Last) }),
	measured("version", "The version in force, in which the cluster writes what it keeps.", func(v *view) uint64 { return uint64(v.version) }),
	measured("version_supported", "The latest version that this node's program can read.", func(*view) uint64 { return uint64(supported) }),
	measured("in_doubt", "1 while the node abstains, because its last record is lost and not all other voters have answered.", func(v *view) uint64 {
		if v.status.Doubt {
			return 1
		}
		return 0
	}),
	counted("repaired_entries_total", "Entries that could not be read when the log was opened, and came back from other members.",
		func(v *view) uint64 { return v.statistics.Repaired }),
	measured("sessions", "Sessions that live.", func(v *view) uint64 { return uint64(v.counts.Sessions) }),
	measured("locks", "Locks that are held.", func(v *view) uint64 { return uint64(v.counts.Locks) }),
	measured("waiters", "Waiters in all queues.", func(v *view) uint64 { return uint64(v.counts.Waiters) }),
	measured("requests", "Answers kept for repeated requests.", func(v *view) uint64 { return uint64(v.counts.Requests) }),
	measured("calls_open", "Calls in flight.", func(v *view) uint64 { return uint64(v.callers) }),
	measured("proposals_open", "Proposals in flight.", func(v *view) uint64 { return uint64(v.depths.Proposed) }),
	measured("queries_open", "Queries in flight.", func(v *view) uint64 { return uint64(v.depths.Reading) }),
}

var (
	refusedDesc = prometheus.NewDesc("lockd_refusals_total", "Calls refused, by reason.", []string{"reason"}, nil)

	inboxDesc     = prometheus.NewDesc("lockd_inbox_events", "Events that wait for the loop.", nil, nil)
	diskDesc      = prometheus.NewDesc("lockd_disk_records", "Records that wait for the disk.", nil, nil)
	rotFoundDesc  = prometheus.NewDesc("lockd_rot_found_total", "Files of the log and snapshots that were found damaged while they were in use.", nil, nil)
	rotHealedDesc = prometheus.NewDesc("lockd_rot_healed_total", "Those of them that are replaced.", nil, nil)

	streamsDesc = prometheus.NewDesc("lockd_client_streams", "Connect streams that are open.", nil, nil)

	peerRefusedDesc   = prometheus.NewDesc("lockd_peer_refusals_total", "Handshakes with other members that ended in a refusal.", nil, nil)
	peerDamagedDesc   = prometheus.NewDesc("lockd_peer_damages_total", "Connections of members closed for what came on them.", nil, nil)
	peerConnectedDesc = prometheus.NewDesc("lockd_peer_connected", "1 while the member can be sent to.", []string{"peer"}, nil)
	peerQueuedDesc    = prometheus.NewDesc("lockd_peer_queued", "Messages that wait for the member.", []string{"peer"}, nil)
	peerSentDesc      = prometheus.NewDesc("lockd_peer_sent_total", "Messages sent to the member.", []string{"peer"}, nil)
	peerBytesDesc     = prometheus.NewDesc("lockd_peer_sent_bytes_total", "Bytes sent to the member.", []string{"peer"}, nil)
	peerDroppedDesc   = prometheus.NewDesc("lockd_peer_dropped_total", "Messages to the member that were lost here.", []string{"peer"}, nil)
	peerOverflowDesc  = prometheus.NewDesc("lockd_peer_overflows_total", "Messages of these that found the queue full.", []string{"peer"}, nil)
)

var reasonNames = [...]string{
	server.NotLeader: "not_leader", server.Overloaded: "overloaded", server.Invalid: "invalid",
	server.DiskFull: "disk_full", server.Stopping: "stopping", server.Unknown: "unknown",
}

// collector looks at a daemon when Prometheus asks.
type collector struct{ daemon *Daemon }

// Describe announces nothing: what there is to collect depends on the moment.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect looks everything up.
func (c collector) Collect(out chan<- prometheus.Metric) {
	d := c.daemon
	emit := func(desc *prometheus.Desc, kind prometheus.ValueType, value uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, kind, float64(value), labels...)
	}
	emit(inboxDesc, prometheus.GaugeValue, uint64(d.inbox.depth()))
	emit(diskDesc, prometheus.GaugeValue, uint64(d.disk.depth()))
	found, healed := d.log.Rot()
	emit(rotFoundDesc, prometheus.CounterValue, found)
	emit(rotHealedDesc, prometheus.CounterValue, healed)
	emit(streamsDesc, prometheus.GaugeValue, uint64(d.clients.Streams()))
	c.collectPeers(emit)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	v, err := d.observe(ctx)
	if err != nil {
		return // not formed, stopped, or so busy that the depth of the inbox says it all
	}
	for _, g := range gauges {
		emit(g.description, g.kind, g.read(&v))
	}
	for reason := server.NotLeader; reason <= server.Unknown; reason++ {
		emit(refusedDesc, prometheus.CounterValue, v.statistics.Refused[reason], reasonNames[reason])
	}
}

func (c collector) collectPeers(emit func(*prometheus.Desc, prometheus.ValueType, uint64, ...string)) {
	peers := c.daemon.peers
	emit(peerRefusedDesc, prometheus.CounterValue, peers.Refusals())
	emit(peerDamagedDesc, prometheus.CounterValue, peers.Damages())
	for _, s := range peers.Statistics() {
		peer, connected := strconv.FormatUint(uint64(s.Member), 10), uint64(0)
		if s.Connected {
			connected = 1
		}
		emit(peerConnectedDesc, prometheus.GaugeValue, connected, peer)
		emit(peerQueuedDesc, prometheus.GaugeValue, uint64(s.Queued), peer)
		emit(peerSentDesc, prometheus.CounterValue, s.Sent, peer)
		emit(peerBytesDesc, prometheus.CounterValue, s.SentBytes, peer)
		emit(peerDroppedDesc, prometheus.CounterValue, s.Dropped, peer)
		emit(peerOverflowDesc, prometheus.CounterValue, s.Overflows, peer)
	}
}
