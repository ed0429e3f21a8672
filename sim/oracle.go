package sim

import "fmt"

// Oracle names a judge. Each stands for one sentence that must hold in every run.
type Oracle string

// The judges.
const (
	Election     Oracle = "election-safety"     // a term has at most one leader
	Completeness Oracle = "leader-completeness" // a new leader has every entry that was committed before
	Matching     Oracle = "log-matching"        // what one member has applied at an index, every member applies there
	StateMachine Oracle = "state-machine"       // members that have applied the same entries are in the same state
	Monotonic    Oracle = "monotonic"           // term and commit index of a process never fall, nor a term across a restart
	Loyalty      Oracle = "loyalty"             // who hears from its leader helps nobody to depose it
	Leasing      Oracle = "lease-safety"        // nobody is elected while another leader may answer reads by its lease
	Durability   Oracle = "durability"          // what was reported durable is there after a restart
	Recovery     Oracle = "recovery"            // after any crash a member can read its own disk
	Scrubbing    Oracle = "scrub"               // what rots at rest is found by the next scrub that looks there, and replaced
	Assertion    Oracle = "assertion"           // the invariants that the product itself asserts hold
	Tokens       Oracle = "token-order"         // tokens rise over all grants, in the log and as clients see them
	Exclusion    Oracle = "mutual-exclusion"    // no lock is granted before its last grant has ended
	FirstCome    Oracle = "first-come"          // the waiter who came first is served first
	DeadSession  Oracle = "dead-session"        // nothing is granted to a session that has ended
	ExactlyOnce  Oracle = "exactly-once"        // every command does and answers what the lock model says, repeated or not
	EarlyExpiry  Oracle = "early-expiry"        // no session expires before its TTL has passed in true time, within the drift
	Belief       Oracle = "belief"              // no client believes in a lock that the servers have taken from it
	Reply        Oracle = "reply"               // clients are told what the log decided, and nothing else
	InForce      Oracle = "version-in-force"    // the version in force never falls, all can read what needs it, and nobody has what its program can't read
	Fencing      Oracle = "fenced-resource"     // the resource takes no lower token after a higher one, and no update is lost
	Linearizable Oracle = "linearizability"     // what clients were told fits one order of all operations: porcupine
	Sweep        Oracle = "token-sweep"         // the same, by the order of tokens
	Undecided    Oracle = "undecided"           // a judge of the history came to an end within its steps
	Liveness     Oracle = "liveness"            // after healing everybody is served
	Exercise     Oracle = "not-vacuous"         // locks were granted
	Harness      Oracle = "harness"             // the simulator itself works
)

// Judges are those that a run can be asked to hear alone.
var Judges = []Oracle{Election, Completeness, Matching, StateMachine, Monotonic, Loyalty, Leasing, Durability, Tokens, Exclusion, FirstCome, DeadSession,
	ExactlyOnce, EarlyExpiry, Belief, Reply, InForce, Fencing, Linearizable, Sweep}

// violation is what a judge throws. It ends the run.
type violation struct {
	oracle  Oracle
	message string
}

func fail(oracle Oracle, format string, arguments ...any) {
	panic(violation{oracle, fmt.Sprintf(format, arguments...)})
}
