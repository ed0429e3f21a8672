package sim

import "time"

// Profile is a sort of world.
type Profile struct {
	Name, Summary    string
	Members, Clients int // unless it is said otherwise
	Duration         time.Duration
}

// The profiles.
const (
	Default      = "default"
	Swarm        = "swarm"
	Calm         = "calm"
	Thousand     = "thousand"
	BeyondClocks = "beyond-clocks"
	BeyondDisks  = "beyond-disks"
	Recovered    = "recovered"
	Leases       = "leases"
	BeyondLeases = "beyond-leases"
	Versions     = "versions"
	CatchUp      = "catch-up"
	Slow         = "slow"
	Disks        = "disks"
	// MembersChange is named after its fault.
	MembersChange = "members"
)

// Profiles lists them, the default first.
func Profiles() []Profile {
	return []Profile{
		{Default, "production timeouts, a steady load, and a drawn part of all faults; in one run in eight nodes come and go", 5, 8, time.Minute},
		{Swarm, "everything is drawn: timeouts, limits, the load, which faults there are, whether nodes come and go, and whether another cluster was lost before", 5, 8, time.Minute},
		{Calm, "the load of the default, and nothing goes wrong", 5, 8, time.Minute},
		{Thousand, "a thousand clients queue for one lock", 5, 1000, time.Minute},
		{Leases, "everybody reads by lease, with servers' clocks off by a tenth, as is allowed there; leaders hand over, are cut off and lose voters", 3, 8, time.Minute},
		{BeyondClocks, "clocks run off by half, a thousandth being promised: leases mean nothing, tokens must do", 5, 8, time.Minute},
		{BeyondDisks, "the disks of all servers may be destroyed: whoever finds that out must refuse to serve", 5, 8, time.Minute},
		{Recovered, "the default, after another cluster had lost its majority: its holders come back, and must be refused", 5, 8, time.Minute},
		{BeyondLeases, "reads by lease with clocks off by half, a thousandth being promised: they are stale, and the judges must say so", 3, 8, time.Minute},
		{CatchUp, "everything is drawn, and members are away for so long that they need a snapshot, and are interrupted while they get it", 5, 8, time.Minute},
		{Slow, "everything is drawn, and links, disks and nodes are slow, full, or stand still", 5, 8, time.Minute},
		{Disks, "everything is drawn, and the disks of a minority rot and write astray, while all of them lose power and fail", 5, 8, time.Minute},
		{Versions, "everything is drawn, as in swarm, and members are given programs of later versions, and of older ones", 5, 8, time.Minute},
		{MembersChange, "everything is drawn, as in swarm, and nodes are added, removed and replaced all the time", 6, 8, time.Minute},
	}
}
