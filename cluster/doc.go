// Package cluster starts real lockd processes on this machine, does to them what happens to real ones, and
// judges what their clients saw.
//
// It is the other half of the simulator. The simulator runs the code that decides, in a world it
// controls; what stays outside of it (the loop, the sockets, real files and processes) runs here, under
// kill -9, SIGTERM and a network that swallows packets. A trial is not repeatable to the letter, so it counts what it
// did and saw, and says so: a trial that saw too little has failed.
//
// Trials:
//
//	Kills      nodes are killed under load, the leader at least every other time
//	Failover   how long nobody is granted anything after the leader was killed, or was asked to stop
//	Queue      a thousand sessions wait for one lock
//	Cutoff     a `lockd lock` is cut off from all servers: its command must be dead before anyone else is granted the lock
//
// All times are read from one monotonic clock, that of the process that runs the trial. Only
// processes that a trial started are ever signalled, and only loopback addresses are used.
package cluster
