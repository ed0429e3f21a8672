// Package disk is a disk in memory that keeps exactly the promises of a real one, and
// breaks everything that a real one may break.
//
// # What it keeps
//
// A file has two contents: the one that reads see (the system's page cache) and the one
// on the platter. A write changes the first. Sync copies what was written since to the
// second. A directory likewise has two tables of names; Create, Rename and Remove change
// the first, SyncDir makes the second like it.
//
// # What a loss of power leaves
//
// Crash and LosePower throw the cache away. Of each write that was not synced, the platter has all sectors (of 512 bytes),
// none, or any of them; a sector that was not written has the content before, and one that was written twice may have the
// content between. A file that grew without a sync may have its old length. Of the directory changes that were not synced any
// may have happened and any not. LosePower is told which of these harms may come about, and tells what they took. Kill is the
// end of the process alone: the cache stays, and with it everything that was written but never synced, readable for the next
// process.
//
// # What can be made to fail
//
// Operations that change or sync something are counted. FailAt makes one of them fail, FailWrite and FailSync a write or a
// sync, HaltAt stops the process just before one. A failed write may have changed a part of what it was to write. A failed
// sync may have brought any sectors to the platter, and forgets that the others were ever dirty: reads see them still, and a
// later sync that succeeds does not write them. SetCapacity makes the disk full.
//
// # What can be destroyed
//
// FlipBit and Blank are rot: they change what is on the platter and what is read. Misdirect makes the drive put a write to
// another place of its file: the sync succeeds, reads are answered from the cache, and the platter is wrong in both places.
// Wipe leaves an empty disk.
//
// # What is absent
//
// Time: how long an operation takes is the world's affair. Goroutines: a disk is stepped
// by one. Every draw comes from the source that New was given, and nothing depends on the
// order of a map, so the same calls give the same disk.
package disk
