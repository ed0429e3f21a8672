// Package growth puts ever more of one thing into lockd, and looks at what that costs: locks that are held, sessions that live, snapshots of many
// locks, logs that are read after a crash. What can be asked of any lock service (clients, waiters, members) is in package workload.
//
// Whoever holds locks here does so without being measured itself: sessions of an hour that are left to the servers, so that this process neither
// renews them nor keeps anything of them in its memory.
package growth
