// Package workload is what the lock services have to do: the same for each, and timed in the same way, by the client's clock.
package workload
