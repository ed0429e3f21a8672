package linearizability

// deed is what an act does to a lock, or finds of it.
type deed uint8

const (
	grants deed = iota + 1 // the lock is free; from now on it is held under the token, which is higher than all before
	ends                   // the lock is held under the token; from now on it is free
	isHeld                 // the lock is held under the token
	isNot                  // the lock is not held under the token: not yet, or no longer
	isOver                 // the token was granted before, and is no longer the holder's
	isFree                 // nobody holds the lock
	never                  // impossible
)

// state is a lock between two acts.
type state struct {
	holder uint64 // the token under which it is held; zero: it is free
	last   uint64 // the highest token that was granted
}

// step is the lock as it must be: what an act makes of a state, and whether it can happen in it at all.
func (s state) step(d deed, token uint64) (state, bool) {
	switch d {
	case grants:
		return state{token, token}, s.holder == 0 && token > s.last
	case ends:
		return state{0, s.last}, token != 0 && s.holder == token
	case isHeld:
		return s, token != 0 && s.holder == token
	case isNot:
		return s, s.holder != token || token == 0
	case isOver:
		return s, s.holder != token && s.last >= token
	case isFree:
		return s, s.holder == 0
	}
	return s, false
}
