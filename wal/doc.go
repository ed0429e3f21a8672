// Package wal makes raft's records durable, and never mistakes a damaged log for a short
// one.
//
// A member promises things: a vote, a term, entries that it holds. Raft is safe as long as
// it keeps them, over every crash. Losing the last record without noticing is worse than
// losing the disk: a member that comes back with a shorter log will vote for a leader
// whose log is just as short, and what a majority had agreed on is gone. So this package
// has two duties. What was synced is found again; and if it cannot be, Open says so: what can still be read, and what the member
// must be taken to hold, or, where not even that is certain, nothing but an error.
//
// # Use
//
// Open takes a directory. One that was never used becomes a member's, with the incarnation
// that the caller drew; it is unformed, and holds nothing else but, after Promise, the
// membership that it has agreed to. Form makes it part of a cluster, once, and Join of one that others have founded. Append adds
// raft's records and Sync makes all that were appended durable: one Sync for many Appends is the group commit, and it is the caller's. SaveSnapshot
// keeps a snapshot of the state machine, from any goroutine; Release deletes the segments
// that it made superfluous.
//
// The first error of the disk is the last thing a Log does. After a failed sync the
// system may have dropped what it could not write and call the pages clean; a second sync
// would succeed and mean nothing. The process ends, and the next Open begins with what is
// really there. The one exception is ErrDiskFull: room is reserved before it is used, so
// that error always comes before anything was written, and the call may be tried again.
//
// # Files
//
//	identity                   cluster, member, incarnation, promise, format; one sector, twice
//	0000000000000001.segment   records, in sectors; see sector.go and record.go
//	snapshot-00000000000000a0  a snapshot, by its index; the two newest are kept
//	successor                  the cluster that goes on in place of this one; Open refuses from then on
//	*.new                      being written; deleted by the next Open
//	LOCK                       locked by the process that has the directory
//
// identity and snapshots are written to another name, synced, renamed, and the directory
// is synced: a crash leaves the old or the new. Form writes the first snapshot and the
// first segment before the identity names the cluster, so that everything before that
// rename counts as nothing, and everything after it as formed.
//
// Segments are reserved, filled with zeros and synced before they are used: a sync in a
// file that only changes its content has nothing else to write. The next segment gets
// ready piece by piece while the current one fills. A segment is synced before the next
// one is written to: only the last can hold an unfinished record. Every record has the
// term and the vote, so any number of older segments may go. They go oldest first, each
// removal made durable before the next, so that the row never has a hole.
//
// # What is assumed of disks
//
//   - A sector of 512 bytes is written wholly or not at all. Of an unsynced write any
//     sectors may be on the disk and any not; those that are not hold what they held.
//   - What was synced stays until it rots. Rot changes a sector; a changed sector does not
//     have its CRC32C by accident.
//   - A read after a crash of the process, but not of the machine, may be answered from
//     memory that never reached the disk, and after a failed sync will not reach it either.
//   - Room that was reserved reads as zeros, after a crash too. (Of the file systems in use
//     only ext4 with data=writeback breaks this, where it cannot reserve.)
//   - Creations, renames and removals not followed by a sync of the directory may have
//     happened or not, each for itself.
//
// # How an unfinished tail is told from damage
//
// A torn write and a rotten sector both leave a record that cannot be read. The difference
// lies in what stands in its place. Each sector has its own checksum and says which part
// of which record it is. By the first assumption, a sector whose write was lost holds what
// it held before: zeros, or a whole mark (below). A sector that is neither blank nor whole
// is therefore never the work of a crash. It has rotted, wherever it stands.
//
// A sector may also be blank though it was synced: a drive forgot the write and returns
// zeros. So each sector also says up to which record everything was durable before it was
// written. If any sector that can be read, even one part of a torn record, says so of a
// record that is missing, that is damage too. Within one unsynced group of records, where
// a later one may survive an earlier one, no sector says so, and the tail is cut at the
// first record that is not whole.
//
// That leaves the last group, with nothing behind it. After each Sync a mark is written
// behind the last record, which says that it was synced. The mark has no sync of its own:
// the next record is written over it, and the sync of that one would bring it along. It
// costs one write to memory and no access to the disk.
//
// So, of single faults to what was acknowledged:
//
//   - A changed sector, anywhere: always seen. Every flip of every bit is a test.
//   - A file cut short, which no disk does but a copy that stopped half-way: seen by any
//     sector that is left, because each says how long its segment is.
//   - A sector that turned blank, in any record but those of the last Sync: always seen.
//   - A sector that turned blank in the last Sync's records: seen once the mark has reached
//     the disk, which is when the system next writes back its memory (some 30 seconds), or
//     at once if only the process died.
//
// What remains: a drive that forgets an acknowledged write of the very last Sync, and loses
// power before the mark is on the disk. Nothing on that disk shows that the record ever was.
// (A drive that acknowledges a sync and keeps nothing breaks the second assumption, and no
// log helps against it.) And on the other side, Open may leave a doubt although nothing is lost:
// if the sector of the mark rots, or if the power fails while the system is just
// writing back the mark at the moment in which a record is copied over it in memory, on a
// device that does not keep such pages still. A doubt costs the cluster an election, and a member until all others were heard; the other
// mistake would cost what it agreed on.
//
// # What becomes of a damaged log
//
// Reading goes on behind the damage (remnant.go). What matters there is the last record: it has the newest term and
// vote. It is the last for certain if the place where the next would stand, behind it and at the next segment's beginning, is
// blank or holds a mark or a piece of a torn write, and if no sector anywhere tells of a later record. Then
// Open succeeds, and Stored.Damage says what package raft needs to know (Protocol-Aware Recovery, FAST 2018): the entries
// behind the damage, in runs between which nothing is known to be missing, and where the log ended. That is known if a record
// with entries can be read behind the last gap. Otherwise it is a bound: no term is higher than the next record's, and so many entries at most fit
// into the sectors that can't be read. A sector that has rotted behind a certain end held nothing that was ever synced,
// and is only reported.
//
// If the last record is not certain, the member may have promised its vote in it: Damage.Doubt says so, and that all the rest is only what can be
// read. Raft then abstains until it has a term of which it is certain (raft/doubt.go). The first record of a higher term ends the doubt here as
// well, and is the claim: whatever was lost, was lost in lower terms. It is the same when a segment is missing or was cut short, which is no work of
// a disk, and when the record is lost with which a segment began, because a log may have begun anew there, in doubt.
//
// If no snapshot can be read, the log begins with an empty one at index 0, which tells only who belonged to the cluster, as far as a damaged
// one still says it. All that the log has is behind the hole then. If it has nothing, how far the snapshot went is not certain: another doubt.
//
// The identity is there twice. With both copies lost, Open refuses: nobody can tell whose promises these were.
//
// The old segments are not touched. What is left of the log is written as one record into a segment behind them (anew.go), which
// gets its name when it is durable, and with which every later Open begins. It holds the claim until the log has come by what it lacks, over any number
// of openings, and the old segments go then, and not before: what snapshots stand for says nothing of a claim that a doubt has left.
//
// # What becomes of rot in use
//
// A Scrub reads what is at rest, sealed segments and snapshots, while the log is in use: from the device and not from the system's memory, as far as
// that can be asked for (on Linux; on macOS what is in memory already is read from there). What it finds damaged is no loss yet. The
// member still knows in its memory all that the file says, so it needs nobody: a snapshot of its own state at Log.Cure or later takes the
// file's place. Until that is durable the damaged file stays, as good as it was before anybody looked. A damaged snapshot goes when a
// newer one is there, and the older one stays to fall back to; if nothing happened since, the same one is written again. Damaged
// segments, and those before them, go when any sound snapshot stands for them, not only when the older one does.
// A restart in between finds the damage as if nobody had looked, and the member is a convalescent.
//
// # What Open does before it returns
//
// It reads all segments and the newest snapshot. A snapshot may be ahead of the log,
// because the other members can commit what this member has not synced yet; then it
// replaces the log, and the term is raised to the snapshot's. If the newest snapshot is
// damaged, the one before it serves, or none. Where the log does not go on from there, because
// the lost one came from the leader, that is a hole in the log like any other.
//
// Then it makes durable what it read: the directory is synced, the last segment is written
// again and synced, zeros behind the end included. Only then is a first record of a new
// epoch appended and synced. Should what a cut left on the disk ever come back behind it,
// its lower epoch shows that it is not part of the log.
//
// # When a majority is lost
//
// A directory of a cluster that can't go on is still worth what can be read of it. OpenSalvage reads it as far as each
// record is certainly whole, says what is missing behind that, and changes nothing. Retire then leaves a mark
// that names the successor. It is made before anybody can start the successor (FormFrom), so that
// whoever recovers the same directory again finds out where the first successor begins, and goes above it; and a member
// that was given up is never started by mistake beside the one that took its place.
//
// # What is absent
//
// Reading entries by index: raft keeps what it needs in memory. Goroutines and randomness. Repair of damage: that takes the other
// members, who may still have what was lost: package raft asks them. A scrub of the segment in use: it is looked at
// when it is sealed, and when the log is opened. Detection of a deleted newest snapshot file when no entries are left in the log
// that show its absence: files that somebody removes are not a fault of the disk.
package wal
