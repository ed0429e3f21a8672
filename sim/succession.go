package sim

import (
	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/sim/draw"
	"lockd/wal"
)

// inheritance is what one world leaves to the next: what one disk holds, what the resource has seen, and what clients were told.
type inheritance struct {
	epoch    lockfsm.Epoch
	resource resource
	told     lockfsm.Token
	hash     draw.Digest
}

// lifetime is how long a world lives whose majority is to be lost: long enough for grants and faults, as a rule.
const lifetime = 4 * second

// predecessor lives another world, under faults and judges of its own, up to the moment in which all its servers but one are lost. It
// is a function of the seed alone: whoever makes the schedule of a run smaller finds the same.
func predecessor(config Config) inheritance {
	luck := draw.New(config.Seed, "succession")
	w := newWorld(Config{Seed: luck.Uint64(), Profile: Default, Judge: config.Judge, Members: config.Members, Clients: config.Clients, Duration: lifetime, Tell: config.Tell})
	w.begin()
	w.runUntil(lifetime, func() bool { return false })
	for {
		survivor := w.members[luck.Below(len(w.members))]
		survivor.disk.Crash()
		survivor.disk.SetCapacity(0) // the mark needs room
		if epoch, granted, found := recoverFrom(survivor, luck); found {
			w.tell("the servers are lost, all but server %d; its successors' tokens are above %d", survivor.id, epoch)
			return inheritance{epoch: epoch, resource: w.resource, told: max(w.judge.told, granted), hash: w.hash}
		}
		w.tell("server %d is lost as well: its disk tells nothing any more", survivor.id)
	}
}

// recoverFrom does what an operator does with what is left of one server. It may be done more than once: the successors before the last
// one have granted tokens of their own, and were lost as well. It finds nothing on a disk that was emptied.
func recoverFrom(survivor *member, luck draw.Draws) (epoch lockfsm.Epoch, granted lockfsm.Token, found bool) {
	for n := range 1 + luck.Below(3) {
		if n > 0 {
			granted = lockfsm.Token(epoch) + lockfsm.Token(luck.Below(1_000_000_000))
		}
		salvage, err := wal.OpenSalvage(survivor.disk)
		if err != nil {
			return 0, 0, false
		}
		machine, err := server.Replay(salvage.Snapshot, salvage.Entries)
		must(err)
		epoch, err = lockfsm.NextEpoch(max(machine.Last(), lockfsm.Token(salvage.Successor.Index)), luck.Uint64())
		must(err)
		must(salvage.Retire(wal.Successor{Cluster: cluster, Index: raft.Index(epoch)}))
		must(salvage.Close())
	}
	return epoch, granted, true
}

// succeed lets the world go on where another has ended. What the resource guards is a new document each time, under the old marks.
func (w *world) succeed(left inheritance) {
	w.epoch, w.resource = left.epoch, left.resource
	w.hash = w.hash.Word(uint64(left.hash))
	w.judge = newJudge(w)
	w.judge.told, w.resource.former = left.told, left.told
	if lockfsm.Token(w.epoch) < left.told {
		fail(Tokens, "the tokens of a recovered cluster begin above %d, and a client of the old one was told %d", w.epoch, left.told)
	}
	for _, r := range w.resource.registers {
		r.value = 0
	}
}

// returns has a holder of the old cluster find its way back, some time after the first one of the new cluster was here: it never heard that
// everything is lost, and writes. Before that it would have been right.
func (r *register) returns(w *world, lock uint64) {
	d := demand{verb: writes, lock: lock, token: w.resource.former, base: r.value, operation: unjudged}
	late := draw.New(w.config.Seed, "old holders", int(lock)).Exponential(3 * second)
	w.agenda.Add(w.now+late, event{kind: resourceAsked, boot: nobody, bytes: d.encode()})
}

// nobody is a process that hears no answer.
const nobody = ^uint32(0)

// first is the snapshot with which every log begins, but for its members.
func (w *world) first() raft.Snapshot {
	if w.epoch == 0 {
		return raft.Snapshot{Index: 1, Term: 1}
	}
	return raft.Snapshot{Index: raft.Index(w.epoch), Term: 1, Data: lockfsm.NewIn(w.epoch).Snapshot().Encode()}
}
