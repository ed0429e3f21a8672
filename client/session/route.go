package session

import (
	"time"
)

// route is where requests go. There is always a guess who leads; the pause says how much it is worth.
type route struct {
	leader    Endpoint
	pause     time.Duration // nothing is sent before it
	redirects int           // hints followed since the last answer
	misses    int           // guesses that failed since the last answer
}

// answered notes that the guess was right.
func (s *Session) answered(r *request) {
	if r.endpoint == s.route.leader {
		s.route = route{leader: s.route.leader}
	}
}

// redirect follows a refusal for not leading. A hint is followed at once, but only as often as there are endpoints:
// two servers that each take the other for the leader would send the client to and fro without end.
func (s *Session) redirect(from, hint Endpoint) {
	assert(Nowhere <= hint && int(hint) < s.config.Endpoints, "a hint is an endpoint or Nowhere")
	if from != s.route.leader {
		return // the news is old: the guess is another one already
	}
	if hint == Nowhere || hint == from {
		s.miss()
		return
	}
	s.route.redirects++
	if s.route.redirects > s.config.Endpoints {
		s.route.misses++
		s.pauseRoute()
	}
	s.lead(hint)
}

// miss moves the guess on to the next endpoint, after a pause.
func (s *Session) miss() {
	s.route.misses++
	s.pauseRoute()
	s.lead((s.route.leader + 1) % Endpoint(s.config.Endpoints))
}

// pauseRoute holds everything back for a moment. The pause doubles with each round in which no endpoint answered.
func (s *Session) pauseRoute() {
	s.route.pause = s.now + s.pause((s.route.misses-1)/s.config.Endpoints)
}

// lead makes an endpoint the guess. Whatever is in flight elsewhere is sent again there: an Acquire that waits with a
// server that does not lead any more might wait for ever.
func (s *Session) lead(leader Endpoint) {
	s.route.leader = leader
	for _, r := range s.requests {
		if r.flying && r.endpoint != leader {
			r.ground(s.now, true)
		}
	}
}

// silent gives up on an answer.
func (s *Session) silent(r *request) {
	r.ground(s.now, true)
	if r.endpoint == s.route.leader {
		s.miss()
	}
}

// tooSoon learns from an answer to a sending that was given up: over a link this slow, each
// request would be repeated, and the guess moved on from a leader that is well.
func (s *Session) tooSoon() {
	s.resend = max(s.resend, min(2*s.resend, s.lease.span/8))
}

// disconnected sends again what was in flight there.
func (s *Session) disconnected(endpoint Endpoint) {
	assert(0 <= endpoint && int(endpoint) < s.config.Endpoints, "who disconnected is an endpoint")
	for _, r := range s.requests {
		if r.flying && r.endpoint == endpoint {
			r.ground(s.now, true)
		}
	}
	if endpoint == s.route.leader {
		s.miss()
	}
}

// pause draws how long to wait after so many doublings.
func (s *Session) pause(doublings int) time.Duration {
	longest := max(2, min(s.config.LongestPause, s.lease.span/8))
	whole := max(2, min(s.config.Pause<<min(doublings, 16), longest))
	return whole/2 + time.Duration(s.draw(uint64(whole/2)))
}
