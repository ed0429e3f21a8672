package lockfsm

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// model is the machine's dumb twin: slices and maps, searched from end to end, and rules
// written down once more. It has no limits, no encoding and no derived state.
type model struct {
	revision uint64
	time     time.Duration
	last     Token
	sessions []*modelSession // in the order of opening
	locks    map[string]*modelLock
	waiters  []*modelWaiter // of all locks, in the order of arrival
	counts   Counts
}

type modelSession struct {
	id           SessionID
	open         Open
	deadline     time.Duration
	acknowledged Sequence
	answers      map[Sequence]*modelAnswer
}

type modelAnswer struct {
	command Command // without its Acknowledged; nil: canceled before it came
	result  Result
	name    string
}

type modelLock struct {
	token   Token
	session SessionID
	place   Place
	since   time.Duration
	value   []byte
}

type modelWaiter struct {
	name    string
	place   Place
	command Acquire
	since   time.Duration
}

func newModel() *model { return &model{locks: map[string]*modelLock{}} }

// recover makes the model that of a recovered cluster: the next generation, from the number drawn on.
func (m *model) recover(draw uint64) {
	begin := uint64(0)
	for begin <= uint64(m.last) {
		begin += 1 << 53
	}
	begin += draw << 12 >> 12
	*m = *newModel()
	m.last, m.revision = Token(begin), begin
}

func (m *model) session(id SessionID) *modelSession {
	for _, s := range m.sessions {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (w *modelWaiter) until(forever time.Duration) time.Duration {
	if w.command.Wait == Forever {
		return forever
	}
	return w.since + w.command.Wait
}

// modelEntry collects what an entry does, with the lock that each answer is about.
type modelEntry struct {
	Applied
	name  string
	names []string
}

func (m *model) apply(index uint64, at time.Duration, command Command) Applied {
	m.revision, m.time = index, at
	entry := &modelEntry{}
	m.timeOut(entry)
	entry.Result, entry.name = m.do(command, entry)
	m.current(&entry.Result, entry.name)
	for i := range entry.Settled {
		m.current(&entry.Settled[i].Result, entry.names[i])
	}
	return entry.Applied
}

func (m *model) current(r *Result, name string) {
	r.Last = m.last
	if held := m.locks[name]; held != nil {
		r.Current = held.token
	}
	if r.Revision == 0 {
		r.Revision = m.revision
	}
}

func (m *model) timeOut(entry *modelEntry) {
	due := slices.Clone(m.waiters)
	slices.SortStableFunc(due, func(a, b *modelWaiter) int { return int(a.until(1<<60) - b.until(1<<60)) })
	for _, w := range due {
		if w.until(1<<60) <= m.time {
			m.settle(w, Result{Status: TimedOut}, entry)
			m.counts.TimedOut++
		}
	}
}

func (m *model) settle(w *modelWaiter, result Result, entry *modelEntry) {
	m.waiters = slices.DeleteFunc(m.waiters, func(other *modelWaiter) bool { return other == w })
	result.Session, result.Place, result.Revision = w.command.Session, w.place, m.revision
	entry.Settled = append(entry.Settled, Settled{Place: w.place, Result: result})
	entry.names = append(entry.names, w.name)
	if s := m.session(w.command.Session); s != nil && w.command.Sequence != 0 {
		s.answers[w.command.Sequence].result = result
		if w.command.Sequence <= s.acknowledged {
			delete(s.answers, w.command.Sequence)
		}
	}
}

func (m *model) do(command Command, entry *modelEntry) (Result, string) {
	switch c := command.(type) {
	case nil, Clock, Upgrade:
		return Result{Status: OK}, ""
	case Open:
		return m.open(c), ""
	case Renew:
		for _, id := range c.Sessions {
			status := UnknownSession
			if s := m.session(id); s != nil {
				s.deadline, status = m.time+s.open.TTL, OK
			}
			entry.Renewals = append(entry.Renewals, Renewal{Session: id, Status: status})
		}
		return Result{Status: OK}, ""
	case Close:
		if m.session(c.Session) == nil {
			return Result{Status: UnknownSession, Session: c.Session}, ""
		}
		m.end([]SessionID{c.Session}, entry)
		return Result{Status: OK, Session: c.Session}, ""
	case Expire:
		var over []SessionID
		for _, due := range c.Sessions {
			s := m.session(due.Session)
			if s != nil && s.deadline == due.Deadline && s.deadline <= m.time && !slices.Contains(over, s.id) {
				over = append(over, s.id)
				m.counts.Expiries++
			}
		}
		m.end(over, entry)
		return Result{Status: OK}, ""
	case Withdraw:
		return m.withdraw(c, entry), c.Name
	case Acquire:
		return m.once(c.Request, command, c.Name, entry)
	case Release:
		if c.Token == 0 {
			return Result{Status: ZeroToken, Session: c.Session}, c.Name
		}
		return m.once(c.Request, command, c.Name, entry)
	case Cancel:
		if c.Target == 0 || c.Target == c.Sequence {
			return Result{Status: WrongName, Session: c.Session}, ""
		}
		return m.once(c.Request, command, "", entry)
	}
	panic("no such command")
}

func (m *model) open(c Open) Result {
	for _, s := range m.sessions {
		if c.Nonce != 0 && s.open.Nonce == c.Nonce {
			return Result{Status: OK, Session: s.id, TTL: s.open.TTL, Revision: uint64(s.id)}
		}
	}
	id := SessionID(m.revision)
	m.sessions = append(m.sessions, &modelSession{id: id, open: c, deadline: m.time + c.TTL, answers: map[Sequence]*modelAnswer{}})
	return Result{Status: OK, Session: id, TTL: c.TTL}
}

// end ends sessions together: first all their waiters go, then their locks change hands.
func (m *model) end(ids []SessionID, entry *modelEntry) {
	for _, id := range ids {
		m.sessions = slices.DeleteFunc(m.sessions, func(s *modelSession) bool { return s.id == id })
		for _, w := range slices.Clone(m.waiters) {
			if w.command.Session == id {
				m.settle(w, Result{Status: UnknownSession}, entry)
			}
		}
		entry.Ended = append(entry.Ended, id)
	}
	for _, id := range ids {
		var held []*modelLock
		names := map[*modelLock]string{}
		for name, l := range m.locks {
			if l.session == id {
				held = append(held, l)
				names[l] = name
			}
		}
		slices.SortFunc(held, func(a, b *modelLock) int { return int(a.token) - int(b.token) })
		for _, l := range held {
			m.pass(names[l], entry)
		}
	}
}

// pass takes a lock from its holder and gives it to the first waiter.
func (m *model) pass(name string, entry *modelEntry) {
	delete(m.locks, name)
	for _, w := range m.waiters {
		if w.name == name {
			token := m.grant(name, w.place, w.command)
			m.settle(w, Result{Status: OK, Token: token}, entry)
			return
		}
	}
}

func (m *model) grant(name string, place Place, c Acquire) Token {
	m.last++
	m.counts.Grants++
	m.locks[name] = &modelLock{m.last, c.Session, place, m.time, c.Value}
	return m.last
}

func bare(command Command) Command {
	switch c := command.(type) {
	case Acquire:
		c.Acknowledged = 0
		return c
	case Release:
		c.Acknowledged = 0
		return c
	case Cancel:
		c.Acknowledged = 0
		return c
	}
	return command
}

func (m *model) once(r Request, command Command, name string, entry *modelEntry) (Result, string) {
	_, releases := command.(Release)
	if releases && r.Session == 0 {
		return m.decide(command, nil, entry)
	}
	s := m.session(r.Session)
	if s == nil {
		return Result{Status: UnknownSession, Session: r.Session}, name
	}
	m.acknowledge(s, r.Acknowledged)
	if r.Sequence == 0 {
		return m.decide(command, s, entry)
	}
	_, acquires := command.(Acquire)
	switch known := s.answers[r.Sequence]; {
	case known != nil && known.command == nil && acquires:
		known.command, known.name = bare(command), name
		return known.result, name
	case known != nil && !reflect.DeepEqual(known.command, bare(command)):
		return Result{Status: SequenceReused, Session: r.Session}, name
	case known != nil:
		return known.result, known.name
	case r.Sequence <= s.acknowledged:
		return Result{Status: SequenceForgotten, Session: r.Session}, name
	}
	result, about := m.decide(command, s, entry)
	kept := result
	kept.Revision = m.revision
	s.answers[r.Sequence] = &modelAnswer{bare(command), kept, about}
	return result, about
}

func (m *model) acknowledge(s *modelSession, mark Sequence) {
	s.acknowledged = max(s.acknowledged, mark)
	for sequence, answer := range s.answers {
		if sequence <= s.acknowledged && answer.result.Status != Waiting {
			delete(s.answers, sequence)
		}
	}
}

func (m *model) decide(command Command, s *modelSession, entry *modelEntry) (Result, string) {
	switch c := command.(type) {
	case Acquire:
		return m.acquire(c), c.Name
	case Release:
		return Result{Status: m.release(c, entry), Session: c.Session}, c.Name
	case Cancel:
		status, name := m.cancel(c, s, entry)
		return Result{Status: status, Session: c.Session}, name
	}
	panic("no such request")
}

func (m *model) acquire(c Acquire) Result {
	place := Place(m.revision)
	switch {
	case m.locks[c.Name] == nil:
		return Result{Status: OK, Session: c.Session, Token: m.grant(c.Name, place, c), Place: place}
	case c.Wait == NoWait:
		return Result{Status: Busy, Session: c.Session}
	}
	m.waiters = append(m.waiters, &modelWaiter{c.Name, place, c, m.time})
	return Result{Status: Waiting, Session: c.Session, Place: place}
}

func (m *model) release(c Release, entry *modelEntry) Status {
	if c.Token > m.last {
		return FutureToken
	}
	for name, l := range m.locks {
		if l.token == c.Token {
			if name != c.Name {
				return WrongName
			}
			m.counts.Releases++
			m.pass(name, entry)
			return OK
		}
	}
	return StaleToken
}

func (m *model) cancel(c Cancel, s *modelSession, entry *modelEntry) (Status, string) {
	known := s.answers[c.Target]
	if known == nil {
		if c.Target <= s.acknowledged {
			return SequenceForgotten, ""
		}
		m.counts.Cancels++
		s.answers[c.Target] = &modelAnswer{result: Result{Status: Canceled, Session: s.id, Revision: m.revision}}
		return OK, ""
	}
	if known.command == nil {
		return OK, ""
	}
	target, acquires := known.command.(Acquire)
	if !acquires {
		return WrongName, ""
	}
	if known.result.Place != 0 {
		m.withdraw(Withdraw{target.Name, known.result.Place}, entry)
	}
	return OK, target.Name
}

func (m *model) withdraw(c Withdraw, entry *modelEntry) Result {
	for _, w := range m.waiters {
		if w.name == c.Name && w.place == c.Place {
			m.counts.Cancels++
			m.settle(w, Result{Status: Canceled}, entry)
			return Result{Status: OK}
		}
	}
	if held := m.locks[c.Name]; held != nil && held.place == c.Place {
		m.counts.Releases++
		m.pass(c.Name, entry)
	}
	return Result{Status: OK}
}

// The model's views.

func (m *model) lockView(name string) LockView {
	l := m.locks[name]
	if l == nil {
		return LockView{Name: name}
	}
	s := m.session(l.session)
	return LockView{name, l.token, l.session, s.open.Owner, l.value, l.since, max(0, s.deadline-m.time), len(m.waiterViews(name, 0, 1000))}
}

func (m *model) lockViews(prefix, after string, limit int) (views []LockView, more bool) {
	var names []string
	for name := range m.locks {
		if strings.HasPrefix(name, prefix) && name > after {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names[:min(limit, len(names))] {
		views = append(views, m.lockView(name))
	}
	return views, len(names) > limit
}

func (m *model) waiterViews(name string, after Place, limit int) (views []WaiterView) {
	for _, w := range m.waiters {
		if w.name == name && w.place > after && len(views) < limit {
			views = append(views, WaiterView{w.place, w.command.Session, m.session(w.command.Session).open.Owner, w.since, w.until(Forever)})
		}
	}
	return views
}

func (m *model) sessionViews(after SessionID, limit int) (views []SessionView, more bool) {
	for _, s := range m.sessions {
		if s.id <= after {
			continue
		}
		if len(views) == limit {
			return views, true
		}
		view := SessionView{Session: s.id, Owner: s.open.Owner, TTL: s.open.TTL, Left: max(0, s.deadline-m.time)}
		for _, l := range m.locks {
			if l.session == s.id {
				view.Held++
			}
		}
		for _, w := range m.waiters {
			if w.command.Session == s.id {
				view.Waiting++
			}
		}
		views = append(views, view)
	}
	return views, false
}

func (m *model) due(at time.Duration) (due []Expiry) {
	for _, s := range m.sessions {
		if s.deadline <= at {
			due = append(due, Expiry{s.id, s.deadline})
		}
	}
	slices.SortStableFunc(due, func(a, b Expiry) int { return int(a.Deadline - b.Deadline) })
	return due
}

func (m *model) count() Counts {
	counts := m.counts
	counts.Sessions, counts.Locks, counts.Waiters = len(m.sessions), len(m.locks), len(m.waiters)
	for _, s := range m.sessions {
		counts.Requests += len(s.answers)
	}
	return counts
}
