package lockfsm

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// orders tries every order of a few commands on one machine, as long as they are few. Two sessions, opened by entries 1 and 2, want one lock.
type orders struct {
	t      *testing.T
	states int
	path   []Command
}

// point is a state on the way, as its snapshot, and what is known of it by what was answered.
type point struct {
	snapshot []byte
	holder   Token
	owner    SessionID
	highest  Token
	answers  map[Request]Result // the last answer to each request
}

const ordersTTL = time.Second

// few is every command of the exploration, in the state that it is given in. A Release shows the token that its session was granted last, or one
// that was never granted.
func few(m *Machine) []Command {
	one := func(session SessionID, sequence Sequence) Request {
		return Request{Session: session, Sequence: sequence}
	}
	commands := []Command{
		Acquire{Request: one(1, 1), Name: "l", Wait: Forever},
		Acquire{Request: one(2, 1), Name: "l", Wait: ordersTTL},
		Acquire{Request: one(2, 2), Name: "l", Wait: NoWait},
		Cancel{Request: one(1, 4), Target: 1},
		Close{Session: 2},
		Clock{},
	}
	for token := Token(1); token <= 2; token++ {
		commands = append(commands, Release{Request: one(1, 4+Sequence(token)), Name: "l", Token: token}, Release{Request: one(2, 4+Sequence(token)), Name: "l", Token: token})
	}
	for _, due := range m.Due(nil, maxTime, 2) {
		stale := Expiry{due.Session, due.Deadline - 1}
		commands = append(commands, Renew{Sessions: []SessionID{due.Session}}, Expire{Sessions: []Expiry{due}}, Expire{Sessions: []Expiry{stale}})
	}
	return commands
}

// Whatever the order: at most one holder, tokens rise, a grant ends by an entry that may end it and no other, a command that is repeated is
// answered as before, and a machine that comes out of a snapshot goes on as the one that never was in one.
func TestEveryOrderOfAFewCommands(t *testing.T) {
	o := &orders{t: t}
	begin := []Command{Open{TTL: ordersTTL}, Open{TTL: ordersTTL}}
	o.from(begin, 3)
	o.from(append(begin, few(New())[:2]...), 4) // the first session holds the lock, the second one waits for it
	require.Greater(t, o.states, 10_000)
}

// from takes some commands, and then every order of as many more.
func (o *orders) from(begin []Command, more int) {
	o.path = nil
	at := point{snapshot: New().Snapshot().Encode()}
	for _, c := range begin {
		o.path = append(o.path, c)
		at = o.take(at, c)
	}
	o.explore(at, more)
}

func (o *orders) explore(from point, left int) {
	o.states++
	m, err := Restore(from.snapshot)
	require.NoError(o.t, err)
	if left == 0 {
		o.walk(from.snapshot)
		return
	}
	for _, c := range few(m) {
		o.path = append(o.path, c)
		o.explore(o.take(from, c), left-1)
		o.path = o.path[:len(o.path)-1]
	}
}

// walk takes the whole way again on a machine that never was in a snapshot, and wants the same bytes.
func (o *orders) walk(end []byte) {
	m := New()
	var applied Applied
	for _, c := range o.path {
		require.NoError(o.t, m.Apply(m.Revision()+1, m.Time()+step(c), Oldest.Encode(nil, c), &applied))
	}
	if string(m.Snapshot().Encode()) != string(end) {
		require.Fail(o.t, "a machine that was restored on its way is another one", "%v", o.path)
	}
}

// step is how much time passes before a command: at an Expire or a Clock so much that waits and sessions run out.
func step(c Command) time.Duration {
	switch c.(type) {
	case Expire, Clock:
		return ordersTTL
	}
	return 0
}

// take applies a command, and holds what it did against what was known.
func (o *orders) take(from point, c Command) point {
	m, err := Restore(from.snapshot)
	require.NoError(o.t, err)
	due := m.Due(nil, maxTime, 2)
	var applied Applied
	require.NoError(o.t, m.Apply(m.Revision()+1, m.Time()+step(c), Oldest.Encode(nil, c), &applied))
	if err := m.Check(); err != nil {
		o.wrong("%v", err)
	}
	if e, is := c.(Expire); is && len(applied.Ended) > 0 && !slices.Contains(due, e.Sessions[0]) {
		o.wrong("%+v ended a session that was due at another time: %v", c, due)
	}
	lock := m.Lock("l")
	to := point{snapshot: m.Snapshot().Encode(), holder: lock.Token, owner: lock.Session, highest: from.highest, answers: map[Request]Result{}}
	o.judgeGrants(from, &to, c, applied)
	maps.Copy(to.answers, from.answers)
	if r := requestOf(c); r.Sequence != 0 {
		if before, known := from.answers[r]; known && !fits(before, applied.Result) {
			o.wrong("%+v was answered %+v, and then %+v", c, before, applied.Result)
		}
		to.answers[r] = applied.Result
	}
	return to
}

func (o *orders) wrong(format string, args ...any) {
	require.Fail(o.t, fmt.Sprintf(format, args...), "%+v", o.path)
}

// judgeGrants looks at who holds the lock now, and who did.
func (o *orders) judgeGrants(from point, to *point, c Command, applied Applied) {
	if from.holder != 0 && to.holder != from.holder && !mayEnd(from, c, applied) {
		o.wrong("the grant %d of session %d was ended by %+v", from.holder, from.owner, c)
	}
	for _, token := range granted(from, c, applied) {
		if token <= to.highest {
			o.wrong("token %d was granted after token %d", token, to.highest)
		}
		to.highest = token
	}
	if to.holder > to.highest {
		o.wrong("token %d is held and was granted to nobody", to.holder)
	}
}

// fits tells whether a repeated request may be answered so: as before, unless it has been decided or its session is gone.
func fits(before, now Result) bool {
	return before.Status == Waiting || now.Status == UnknownSession || now.Status == before.Status && now.Token == before.Token
}

func requestOf(c Command) Request {
	switch c := c.(type) {
	case Acquire:
		return c.Request
	case Release:
		return c.Request
	case Cancel:
		return c.Request
	}
	return Request{}
}

// granted are the tokens of an entry: of its own Acquire, if it was not answered so before, and of those who had waited.
func granted(from point, c Command, applied Applied) (tokens []Token) {
	if _, is := c.(Acquire); is && applied.Result.Status == OK && applied.Result.Token > from.highest {
		tokens = append(tokens, applied.Result.Token)
	}
	for _, s := range applied.Settled {
		if s.Result.Status == OK {
			tokens = append(tokens, s.Result.Token)
		}
	}
	return tokens
}

// mayEnd tells whether an entry may end the grant that is in force: it shows its token, or takes the Acquire back, or ends its session.
func mayEnd(from point, c Command, applied Applied) bool {
	if slices.Contains(applied.Ended, from.owner) {
		return true
	}
	switch c := c.(type) {
	case Release:
		return c.Token == from.holder
	case Cancel:
		return c.Session == from.owner
	}
	return false
}
