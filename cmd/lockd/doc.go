// Command lockd is the lock service and its tools: one node (serve), three nodes in one process to try it out
// (dev), a command run under a lock (lock), and what people and scripts ask the servers for (acquire,
// release, renew, check, show, list, sessions, status, transfer-leader, snapshot save), and what begins a new cluster where an old one is lost (recover, snapshot restore).
//
// It is thin. What a node does is package daemon's, what a client does is package client's; here are flags, words and
// exit codes, and the one thing that neither of those can do: end other processes in time.
//
// # Settings
//
// Every setting has one name and three homes (setting.go): the flag --peer-listen, the variable
// LOCKD_PEER_LISTEN and the key peer-listen of the YAML file that --config or LOCKD_CONFIG names. A flag is stronger than a variable, a
// variable stronger than the file, the file stronger than the default. The commands share one file and one environment, so a
// setting that another command knows is no error; one that no command knows is, because a misspelled name would
// otherwise be a default that nobody chose. An empty variable counts as none.
//
// # Exit codes
//
// They are the same for all commands and stand in one table (exit.go), which `lockd help exit-codes` prints.
// An error is one line on standard error.
//
// # Running a command under a lock
//
// `lockd lock NAME -- COMMAND` promises that no process of the command is alive when another holder is granted the lock, even when all
// servers are out of reach. It gives the command a process group of its own (family.go), and a guard (guard.go) that only
// looks at the clock ends the group before the lease is over: TERM when the last quarter of the lease begins
// without a renewal, KILL a margin before its end. The margin is a twentieth of the TTL, from 100 ms up to a second: the time that
// a busy machine may need to run the guard and to end the processes. The lease itself ends before the servers' does (package
// client). Once TERM was sent the lock counts as lost, whatever the network brings: half a command is no command.
//
// The lock is given back only when every process of the group has ended. What the command leaves running in the background
// gets half a second to end by itself, then TERM, and two seconds later KILL. On Linux this is so for all
// descendants, those that have left the group too: lockd makes itself their reaper. On macOS who leaves the group is out of reach.
//
// A terminal is handed to the command's group at the moment when a process of it is stopped for using it (terminal.go), so that
// `lockd lock x -- vi f` works, and in `lockd lock x -- make | less` less keeps its keys. Ctrl-Z stops the command first and lockd
// after it; the lease may run out meanwhile, and then the command is ended instead of continued.
//
// What is left: a lockd that is stopped (SIGSTOP) cannot end anybody, and the command runs on until lockd is continued. When
// lockd is killed, Linux kills the command with it, but not the command's children; macOS kills nothing. A process in an
// uninterruptible system call dies when the call returns. After the machine has slept, the group is ended within
// a fifth of a second. For all of these there is the token in LOCKD_TOKEN: a resource that compares tokens is safe in any case.
package main
