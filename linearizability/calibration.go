package linearizability

import (
	"fmt"
	"time"
)

// Calibrate shows the judges one small history for each way in which a lock or its resource can break, and a twin of it that
// is right. A judge that is blind to one of them, or that convicts a twin, is named. It takes about a millisecond, and is
// worth running before any verdict is trusted.
func Calibrate() error {
	for _, c := range calibrations {
		if err := c.try(); err != nil {
			return fmt.Errorf("calibration, %s: %w", c.name, err)
		}
	}
	return nil
}

// calibration is a way to break, the judge who names it, and how it would have been right.
type calibration struct {
	name          string
	oracle        Oracle
	broken, right []Operation
}

func (c calibration) try() error {
	const budget = 10_000
	broken, right := tell(c.broken), tell(c.right)
	if v := Judge(&broken, budget); v.Result != Fail || v.Violation.Oracle != c.oracle {
		return fmt.Errorf("the verdict is %v %+v, not one of %s", v.Result, v.Violation, c.oracle)
	}
	if v := Judge(&right, budget); v.Result != Pass {
		return fmt.Errorf("the right twin is convicted: %v %+v", v.Result, v.Violation)
	}
	if c.oracle != TokenSweep && c.name != tokenFalls && c.name != tokenRepeats {
		return nil
	}
	if v := Sweep(&broken); v.Result != Fail {
		return fmt.Errorf("the sweep is blind to it: %v", v.Result)
	}
	if v := Porcupine(&broken, budget); v.Result != Fail {
		return fmt.Errorf("porcupine is blind to it: %v", v.Result)
	}
	return nil
}

// tell makes a history of operations that come one after the other, a millisecond each.
func tell(operations []Operation) History {
	h := History{Operations: make([]Operation, len(operations))}
	for i, o := range operations {
		o.Call, o.Return = uint64(2*i+1), uint64(2*i+2)
		o.Called, o.Returned = time.Duration(i)*time.Millisecond, time.Duration(i)*time.Millisecond+time.Microsecond
		if o.Outcome == Unknown {
			o.Return, o.Returned = Never, 0
		}
		h.Operations[i] = o
	}
	return h
}

// The verbs of the calibrations. All is about the lock "a" and the session 1, unless it is changed.

func opened(ttl time.Duration) Operation {
	return Operation{Kind: Open, Outcome: Done, Session: 1, TTL: ttl}
}

func closed() Operation { return Operation{Kind: Close, Outcome: Done, Session: 1} }

func renewed(outcome Outcome) Operation { return Operation{Kind: Renew, Outcome: outcome, Session: 1} }

func acquired(token uint64) Operation {
	return Operation{Kind: Acquire, Outcome: Done, Lock: "a", Token: token}
}

func busy(current uint64) Operation {
	return Operation{Kind: Acquire, Outcome: Refused, Lock: "a", Current: current, Tells: true}
}

func released(token uint64, outcome Outcome) Operation {
	return Operation{Kind: Release, Outcome: outcome, Lock: "a", Token: token}
}

func checked(token uint64, outcome Outcome) Operation {
	return Operation{Kind: Check, Outcome: outcome, Lock: "a", Token: token}
}

func wrote(token, base, value uint64) Operation {
	return Operation{Kind: Write, Outcome: Done, Lock: "a", Token: token, Base: base, Value: value}
}

func read(token, value uint64) Operation {
	return Operation{Kind: Read, Outcome: Done, Lock: "a", Token: token, Value: value}
}

func (o Operation) in(session uint64) Operation {
	o.Session = session
	return o
}

func (o Operation) of(lock string) Operation {
	o.Lock = lock
	return o
}

func (o Operation) telling(current uint64) Operation {
	o.Tells, o.Current = true, current
	return o
}

func (o Operation) unanswered() Operation {
	o.Outcome = Unknown
	return o
}

const (
	tokenRepeats = "a token repeats"
	tokenFalls   = "a token falls"
)

var calibrations = []calibration{
	{
		"a grant while the lock is held", TokenSweep,
		[]Operation{acquired(1), acquired(2)},
		[]Operation{acquired(1), released(1, Done), acquired(2)},
	}, {
		tokenRepeats, TokenOrder,
		[]Operation{acquired(1), released(1, Unknown), acquired(1)},
		[]Operation{acquired(1), released(1, Unknown), acquired(2)},
	}, {
		tokenFalls, TokenOrder,
		[]Operation{acquired(2), released(2, Done), acquired(1)},
		[]Operation{acquired(1), released(1, Done), acquired(2)},
	}, {
		"a token falls between locks", TokenOrder,
		[]Operation{acquired(2), acquired(1).of("b")},
		[]Operation{acquired(1), acquired(2).of("b")},
	}, {
		"the token of a grant that nobody heard of falls", TokenOrder,
		[]Operation{acquired(2), acquired(0).of("b").unanswered(), busy(1).of("b")},
		[]Operation{acquired(2), acquired(0).of("b").unanswered(), busy(3).of("b")},
	}, {
		"two locks are held under one token", TokenOrder,
		[]Operation{acquired(1), acquired(0).of("b").unanswered(), busy(1).of("b")},
		[]Operation{acquired(1), acquired(0).of("b").unanswered(), busy(2).of("b")},
	}, {
		"a grant without a token", TokenSweep,
		[]Operation{acquired(0)},
		[]Operation{acquired(1)},
	}, {
		"a grant to a session that was closed", TokenSweep,
		[]Operation{opened(time.Hour), closed(), acquired(1).in(1)},
		[]Operation{opened(time.Hour), acquired(1).in(1), closed()},
	}, {
		"an expiry before its time", TokenSweep,
		[]Operation{opened(time.Hour), acquired(1).in(1), acquired(2)},
		[]Operation{opened(time.Millisecond), acquired(1).in(1), acquired(2)},
	}, {
		"an expiry although the session was renewed", TokenSweep,
		[]Operation{opened(2 * time.Millisecond), acquired(1).in(1), renewed(Done), acquired(2)},
		[]Operation{opened(2 * time.Millisecond), acquired(1).in(1), renewed(Unknown), acquired(2)},
	}, {
		"a close takes a lock back before it is called", TokenSweep,
		[]Operation{opened(time.Hour), acquired(1).in(1), acquired(2), closed()},
		[]Operation{opened(time.Hour), acquired(1).in(1), closed(), acquired(2)},
	}, {
		"a grant to a session whose renewal was refused", TokenSweep,
		[]Operation{opened(time.Millisecond), renewed(Refused), acquired(1).in(1)},
		[]Operation{opened(time.Millisecond), acquired(1).in(1), renewed(Refused)},
	}, {
		"a session that expired is granted another", TokenSweep,
		[]Operation{opened(time.Millisecond), acquired(1).in(1), acquired(2).in(1)},
		[]Operation{opened(time.Millisecond), acquired(1).in(1), released(1, Done), acquired(2).in(1)},
	}, {
		"a session that was closed is granted another", TokenSweep,
		[]Operation{opened(time.Hour), acquired(1).in(1), closed().unanswered(), acquired(2).in(1)},
		[]Operation{opened(time.Hour), acquired(1).in(1), closed().unanswered(), acquired(2)},
	}, {
		"a grant that outlives its session", TokenSweep,
		[]Operation{opened(time.Hour), acquired(1).in(1), closed(), checked(1, Done)},
		[]Operation{opened(time.Hour), acquired(1).in(1), checked(1, Done), closed()},
	}, {
		"a stale release is accepted", TokenSweep,
		[]Operation{acquired(1), released(1, Done), acquired(2), released(1, Done)},
		[]Operation{acquired(1), released(1, Done), acquired(2), released(1, Refused)},
	}, {
		"a token is released twice", TokenSweep,
		[]Operation{acquired(1), released(1, Done), released(1, Done)},
		[]Operation{acquired(1), released(1, Unknown), released(1, Done)},
	}, {
		"a release of what nobody was granted", TokenSweep,
		[]Operation{released(1, Done)},
		[]Operation{acquired(0).unanswered(), released(1, Done)},
	}, {
		"a stale release ends another's grant", TokenSweep,
		[]Operation{acquired(1), released(1, Done), acquired(2), released(1, Unknown), acquired(3)},
		[]Operation{acquired(1), released(1, Done), acquired(2), released(2, Unknown), acquired(3)},
	}, {
		"the holder's release is refused", TokenSweep,
		[]Operation{acquired(1), released(1, Refused)},
		[]Operation{acquired(1), released(1, Done), released(1, Refused)},
	}, {
		"a check says valid after the end", TokenSweep,
		[]Operation{acquired(1), released(1, Done), checked(1, Done)},
		[]Operation{acquired(1), released(1, Done), checked(1, Refused)},
	}, {
		"a check served stale, before the grant", TokenSweep,
		[]Operation{acquired(1), checked(1, Refused)},
		[]Operation{checked(1, Refused), acquired(1)},
	}, {
		"a lock is told free while it is held", TokenSweep,
		[]Operation{acquired(1), busy(0), released(1, Done)},
		[]Operation{acquired(1), busy(1), released(1, Done), busy(0)},
	}, {
		"a holder is told that is none any more", TokenSweep,
		[]Operation{acquired(1), released(1, Done), busy(1)},
		[]Operation{acquired(1), busy(1), released(1, Done)},
	}, {
		"a grant tells an older holder", TokenSweep,
		[]Operation{acquired(1), released(1, Done), acquired(2).telling(1)},
		[]Operation{acquired(1), released(1, Done), acquired(2).telling(2)},
	}, {
		"a release tells that nothing has changed", TokenSweep,
		[]Operation{acquired(1), released(1, Done).telling(1)},
		[]Operation{acquired(1), released(1, Done).telling(0)},
	}, {
		"a release is refused, and tells of no holder", TokenSweep,
		[]Operation{acquired(1), released(9, Refused).telling(0)},
		[]Operation{acquired(1), released(9, Refused).telling(1)},
	}, {
		"a check tells one thing and says another", TokenSweep,
		[]Operation{acquired(1), checked(1, Refused).telling(1)},
		[]Operation{acquired(1), checked(2, Refused).telling(1)},
	}, {
		"a grant that nobody asked for", TokenSweep,
		[]Operation{acquired(1), released(1, Done), busy(2)},
		[]Operation{acquired(1), released(1, Done), acquired(0).unanswered(), busy(2)},
	}, {
		"an update is lost", FencedResource,
		[]Operation{wrote(1, 0, 1), wrote(2, 0, 2)},
		[]Operation{wrote(1, 0, 1), wrote(2, 1, 2)},
	}, {
		"an unanswered write is lost", FencedResource,
		[]Operation{wrote(1, 0, 1).unanswered(), read(2, 1), wrote(2, 0, 2)},
		[]Operation{wrote(1, 0, 1).unanswered(), read(2, 0), wrote(2, 0, 2)},
	}, {
		"a lower token is accepted after a higher one", FencedResource,
		[]Operation{wrote(2, 0, 1), wrote(1, 1, 2)},
		[]Operation{wrote(1, 0, 1), wrote(2, 1, 2)},
	}, {
		"a lower token is accepted after a higher one's read", FencedResource,
		[]Operation{read(2, 0), wrote(1, 0, 1)},
		[]Operation{read(1, 0), wrote(2, 0, 1)},
	}, {
		"a lower token is accepted without an answer", FencedResource,
		[]Operation{wrote(2, 0, 1), wrote(1, 1, 2).unanswered(), read(2, 2)},
		[]Operation{wrote(2, 0, 1), wrote(2, 1, 2).unanswered(), read(2, 2)},
	}, {
		"a value that nobody wrote", FencedResource,
		[]Operation{wrote(1, 5, 6)},
		[]Operation{wrote(1, 0, 5).unanswered(), wrote(1, 5, 6)},
	}, {
		"a value comes from nowhere", FencedResource,
		[]Operation{wrote(1, 1, 2), wrote(1, 2, 1)},
		[]Operation{wrote(1, 0, 1), wrote(1, 1, 2)},
	}, {
		"a value is written again", FencedResource,
		[]Operation{wrote(1, 0, 1), wrote(1, 1, 1)},
		[]Operation{wrote(1, 0, 1), wrote(1, 1, 2)},
	}, {
		"a value is read before it is written", FencedResource,
		[]Operation{read(1, 1), wrote(1, 0, 1)},
		[]Operation{wrote(1, 0, 1), read(1, 1)},
	}, {
		"a value is replaced before it is written", FencedResource,
		[]Operation{wrote(1, 1, 2), wrote(1, 0, 1)},
		[]Operation{wrote(1, 0, 1), wrote(1, 1, 2)},
	}, {
		"a write is applied twice", FencedResource,
		[]Operation{wrote(1, 0, 1), wrote(1, 1, 2), read(1, 1)},
		[]Operation{wrote(1, 0, 1), wrote(1, 1, 2), read(1, 2)},
	},
}
