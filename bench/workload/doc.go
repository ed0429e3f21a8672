// Package workload is what the lock services have to do: the same for each, and timed in the same way, by the client's clock.
//
// A load is a number of clients that each do one thing again and again, and wait for its answer. It runs for a second before it is measured, until
// all are at work and queues are as long as they get. What is done within the time that is measured counts, wherever it began; processor time is
// that of all server processes within the same time. One client that fails spoils the figure: a service must not look fast by answering few.
//
// Nobody's own queue is in the way: a client that finds its lock taken is the service's to put off, by a queue, a watch or a poll, as its recommended
// client does it.
package workload
