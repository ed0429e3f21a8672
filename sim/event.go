package sim

// kind tells what an event is.
type kind uint8

const (
	peerMessage   kind = iota + 1 // bytes of an envelope arrive at a member
	peerLost                      // a member learns that messages to another one were lost
	callsArrive                   // bytes of a client's calls arrive at a member
	repliesArrive                 // bytes of replies arrive at a client
	peerClosed                    // a member learns that the connection on which another one sends was closed
	linkBroken                    // both ends learn that a client's connection is gone
	memberAlarm                   // a member's deadline may have come
	memberDrain                   // a member has waited long enough for more inputs
	diskDone                      // a member's disk has synced
	snapshotDone                  // a member's snapshot is encoded and saved
	memberStarts
	memberResumes
	clientAlarm
	clientStarts
	clientResumes
	workerActs // a client's worker goes on
	resourceAsked
	resourceAnswers
	faultStrikes
	faultEnds
	leaderFalls
	oathBreaks
	clockTurns // a clock's spell goes on, or ends
	voterFalls // a follower that has made a promise is killed
	scrubDue   // a member reads on in what is at rest on its disk
)

// event is something that happens at a place at an instant. What its fields mean depends on the kind; boot keeps an event
// from reaching a later process at the same place than the one it was meant for.
type event struct {
	kind   kind
	ghost  bool // a duplicate that the network delivers, connection or not
	late   bool // what comes for the first time, and only after its connection has ended
	place  int32
	from   int32
	boot   uint32
	number uint64
	bytes  []byte
	origin uint64 // the incarnation of the member that sent the bytes, as a connection tells it
}
