package schedule

// Fault is one way in which a world is unkind.
type Fault uint8

// The faults.
const (
	// Of the network between members.
	Loss      Fault = iota // a message disappears
	Duplicate              // a message arrives again, perhaps much later
	Straggler              // a message takes many times as long as others, and is overtaken
	SlowLink               // one direction of one link is very slow for a while
	Split                  // the members, and the clients with them, fall into two halves that don't hear each other
	OneWay                 // some directions of some links are dead, the other ones not
	Isolation              // one member is cut off
	Bridge                 // two halves that don't hear each other, and one member that hears both
	Ring                   // each member hears a majority, and no two hear the same one
	Flapping               // a cut that comes and goes, faster than anybody gets used to it
	PeerReset              // a connection between members is closed, and both ends live on
	Obituary               // the members hear at once that the process of another one has ended, as its machine closes its connections

	// Of the network between clients and members.
	ClientCut    // a client is cut off from some members
	ClientOneWay // a client is heard by some members and does not hear them, or the other way round
	ClientReset  // a client's connection breaks under what is in flight
	ClientGhost  // a client's call arrives again, much later, connection or not
	LateDemand   // what a client asks of the resource arrives much later
	ClientSlow   // a client's link is very slow for a while

	// Of processes.
	PowerLoss   // a member stops, and of what it had not synced any part is lost
	Kill        // a member's process ends; what it had written stays readable
	MidWrite    // a member stops in the middle of its write or sync
	Pause       // a member stands still, and goes on as if nothing had happened
	SlowNode    // everything that a member does takes long for a while
	Handover    // leadership is passed on by an operator
	Coup        // a leader is struck down soon after its election, with its first entries under way
	Ambush      // a leader is heard by no other member from the moment on at which it commits for the first time
	BrokenOath  // a member loses power while its vote is on its way to the disk, and is back at once
	ClientPause // a client stands still, also while it holds locks
	ClientCrash // a client ends without a word, and a new one comes
	Stray       // somebody else gives a lock back as well, under its holder's token, and perhaps much later

	// Of clocks.
	Drift             // clocks run at rates as different as the protocol allows
	ClockJump         // a member's clock jumps ahead
	ClockStrobe       // a member's clock is now fast and now slow, many times as much as allowed
	ClockFreeze       // a member's clock stands still for a while
	ClientClockJump   // a client's clock jumps ahead
	ClientClockStrobe // a client's clock is now fast and now slow
	ClientClockFreeze // a client's clock stands still for a while
	WallJump          // a client's wall clock is set, forward or back

	// Of disks.
	SlowDisk    // a member's syncs take very long for a while
	LostWrite   // a sector that was written and not synced is not there after a loss of power
	TornWrite   // of one write some sectors are there after a loss of power, and some are not; the power may go again during the recovery
	LostName    // a file's creation, renaming or removal is undone by a loss of power
	WriteError  // a write fails, and what it did is anybody's guess
	FailedSync  // a sync fails, and what was to be synced is never written, though reads see it
	FullDisk    // a member's disk has no room for a while
	BitRot      // a bit of what was durable turns over
	Misdirected // a write goes to another place of its file
	Wipe        // a member comes back with an empty disk

	// Of the cluster itself.
	Members // nodes are added, removed and replaced while the cluster works
	Upgrade // members begin with programs of different versions, and are given others, now and then older ones

	Faults // how many there are
)

var names = [Faults]string{
	Loss: "loss", Duplicate: "duplicate", Straggler: "straggler", SlowLink: "slow-link", Split: "split", OneWay: "one-way",
	Isolation: "isolation", Bridge: "bridge", Ring: "ring", Flapping: "flapping", PeerReset: "peer-reset", Obituary: "obituary",
	ClientCut: "client-cut", ClientOneWay: "client-one-way", ClientReset: "client-reset", ClientGhost: "client-ghost", LateDemand: "late-demand", ClientSlow: "client-slow",
	PowerLoss: "power-loss", Kill: "kill", MidWrite: "mid-write", Pause: "pause", SlowNode: "slow-node", Handover: "handover", Coup: "coup",
	Ambush: "ambush", BrokenOath: "broken-oath", ClientPause: "client-pause", ClientCrash: "client-crash", Stray: "stray",
	Drift: "drift", ClockJump: "clock-jump", ClockStrobe: "clock-strobe", ClockFreeze: "clock-freeze", ClientClockJump: "client-clock-jump",
	ClientClockStrobe: "client-clock-strobe", ClientClockFreeze: "client-clock-freeze", WallJump: "wall-jump",
	SlowDisk: "slow-disk", LostWrite: "lost-write", TornWrite: "torn-write", LostName: "lost-name", WriteError: "write-error",
	FailedSync: "failed-sync", FullDisk: "full-disk", BitRot: "bit-rot", Misdirected: "misdirected", Wipe: "wipe",
	Members: "members", Upgrade: "upgrade",
}

func (f Fault) String() string { return names[f] }
