// Package library runs Raft libraries side by side: each as a group of three in this process, with connections over loopback TCP and its own log
// on a real disk, synced. All have the same state machine, which counts.
//
// What a library leaves to its user (the loop, the connections) is written here as its makers describe it, with all that is known to make it
// fast: many inputs for one sync, messages of the leader that leave before it has synced, and as many on their way as it likes.
package library
