package sim

// Fault is one way in which the world is unkind.
type Fault uint8

// The faults. Each run switches a part of them on.
const (
	Loss        Fault = iota // a message between members disappears
	Duplicate                // a message between members arrives again, perhaps much later
	Straggler                // a message between members takes many times as long as others, and is overtaken
	Split                    // the members, and the clients with them, fall into two halves that don't hear each other
	OneWay                   // some directions of some links are dead, the other ones not
	Isolation                // one member is cut off
	ClientCut                // one client is cut off from some members
	ClientReset              // a client's connection breaks under what is in flight
	ClientGhost              // a client's call arrives again, much later, connection or not
	PowerLoss                // a member stops, and of what it had not synced any part is lost
	Kill                     // a member's process ends; what it had written stays readable
	MidWrite                 // a member stops in the middle of its write or sync
	Pause                    // a member stands still, and goes on as if nothing had happened
	ClientPause              // a client stands still, also while it holds locks
	ClientCrash              // a client ends without a word, and a new one comes
	SlowDisk                 // a member's syncs take very long for a while
	Drift                    // clocks run at rates as different as the protocol allows
	Handover                 // leadership is passed on by an operator
	Coup                     // a leader is struck down soon after its election, with its first entries under way
	Ambush                   // a leader is heard by no other member from the moment on at which it commits for the first time
	BrokenOath               // a member loses power while its vote is on its way to the disk, and is back at once
	Stray                    // somebody else gives a lock back as well, under its holder's token, and perhaps much later
	Obituary                 // the members hear at once that the process of another one has ended, as its machine closes its connections
	PeerReset                // a connection between members is closed, and both ends live on
	Faults                   // how many there are
)

var faultNames = [Faults]string{"loss", "duplicate", "straggler", "split", "one-way", "isolation", "client-cut", "client-reset",
	"client-ghost", "power-loss", "kill", "mid-write", "pause", "client-pause", "client-crash", "slow-disk", "drift", "handover", "coup", "ambush",
	"broken-oath", "stray", "obituary", "peer-reset"}

func (f Fault) String() string { return faultNames[f] }
