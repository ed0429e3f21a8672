package sim

// probe is something that must happen in some run: runs in which it never does say nothing about how the service bears it.
type probe uint8

const (
	leaderDeposed probe = iota
	entriesCut
	snapshotInstalled
	restartedWithLog
	logDamaged
	lastWordLost
	doubtEnded
	logRepaired
	stateLost
	holeFilled
	waiterServed
	waiterTimedOut
	waiterDied
	holderExpired
	renewalTooLate
	expiryOutrun
	answerRemembered
	grantTakenBack
	cancelFirst
	lockPassed
	staleReleaseRefused
	staleTokenChecked
	checkAnswered
	checkRefused
	readAtFollower
	readByLease
	grabbedWithoutNumber
	sessionInJeopardy
	sessionLost
	demandFenced
	unfencedUpdateLost
	stalledLeaderGone
	historyLeftToSweep
	learnerPromoted
	leaderRemoved
	nodeReplaced
	changeTakenBack
	clusterMixed
	versionRaised
	oldRefused
	segmentScrubbed
	snapshotScrubbed
	rotHealed
	probes
)

var probeNames = [probes]string{
	leaderDeposed: "a leader is deposed", entriesCut: "entries are cut from a log", snapshotInstalled: "a follower is given a snapshot",
	restartedWithLog: "a server comes back with entries behind its snapshot", logDamaged: "a server goes on with a damaged log",
	lastWordLost: "a server has lost its last record, and abstains", doubtEnded: "a server abstains until all others have answered", stateLost: "a damaged snapshot is replaced by another member's",
	logRepaired: "a damaged log is whole again", holeFilled: "a server that hears no leader is given entries which it has lost",
	waiterServed: "a lock is handed to who waits", waiterTimedOut: "a bounded wait runs out",
	waiterDied: "a session ends while it waits", holderExpired: "a holder's session expires", renewalTooLate: "a session is renewed that has ended",
	expiryOutrun: "a renewal comes before the expiry in the log", answerRemembered: "a repeated command is told its first answer",
	grantTakenBack: "a lock is taken back that was granted meanwhile", cancelFirst: "a cancel comes before its acquire",
	lockPassed: "a lock passes from one client to another", staleReleaseRefused: "a release shows an old token",
	staleTokenChecked: "a check is told that the token is an old one", checkAnswered: "a check is answered", checkRefused: "a check is refused",
	readAtFollower: "a read is served at a follower", readByLease: "a read is served by lease", grabbedWithoutNumber: "a lock is granted to a request without a number",
	sessionInJeopardy: "a session is in jeopardy", sessionLost: "a client loses its session", demandFenced: "the resource refuses an old token",
	stalledLeaderGone:  "a leader gives way while its disk is stalled",
	unfencedUpdateLost: "a resource that does not look at tokens loses an update", historyLeftToSweep: "a lock is left to the sweep, as porcupine would take too long",
	learnerPromoted: "a learner is made a voter", leaderRemoved: "a leader is removed", nodeReplaced: "a node comes back with another disk", changeTakenBack: "a change of the membership comes to nothing",
	clusterMixed: "members run programs of different versions", versionRaised: "the version in force rises in a cluster that was mixed", oldRefused: "a program is too old for what is in force",
	segmentScrubbed: "a scrub finds a damaged segment", snapshotScrubbed: "a scrub finds a damaged snapshot", rotHealed: "rot is replaced before it is read",
}

func (w *world) hit(p probe) { w.probes[p]++ }

func (w *world) reportProbes() []Probe {
	reached := make([]Probe, probes)
	for p := range probes {
		reached[p] = Probe{Name: probeNames[p], Hits: w.probes[p]}
	}
	return reached
}
