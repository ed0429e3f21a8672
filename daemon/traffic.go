package daemon

import (
	"lockd/raft"
	"lockd/server"
	"lockd/transport"
	"lockd/wire"
)

// deliver takes messages of other members. Before the node is born there is nobody to hear them.
func (d *Daemon) deliver(envelopes []raft.Envelope) {
	if !d.born.Load() {
		return
	}
	events := make([]event, len(envelopes))
	for i := range envelopes {
		events[i] = raft.Receive{Envelope: envelopes[i]}
	}
	d.inbox.post(events...)
}

// lost hears that messages to a member were lost here.
func (d *Daemon) lost(member raft.ID) {
	if d.born.Load() {
		d.inbox.urge(raft.Unreachable{Member: member})
	}
}

// closed hears that a member closed its connection: its process has ended, perhaps.
func (d *Daemon) closed(member raft.ID) {
	if d.born.Load() {
		d.inbox.urge(raft.Closed{Member: member})
	}
}

// call takes calls of clients.
func (d *Daemon) call(calls []transport.Call) {
	refusal := server.Refusal{Reason: server.Stopping, Detail: "the node is shutting down"}
	born := d.born.Load()
	if born {
		events := make([]event, len(calls))
		for i := range calls {
			events[i] = calls[i]
		}
		if d.inbox.post(events...) {
			return
		}
	}
	if !born && !d.stopping.Load() {
		refusal = server.Refusal{Reason: server.NotLeader, Detail: d.unready().Error()}
	}
	for i := range calls {
		calls[i].Caller.Answer(refusal, wire.Address{})
		calls[i].Caller.Wake()
	}
}

func (d *Daemon) hangup(ids []server.CallID) {
	events := make([]event, len(ids))
	for i, id := range ids {
		events[i] = server.Hangup{ID: id}
	}
	d.inbox.post(events...)
}
