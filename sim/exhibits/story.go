package exhibits

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockd/linearizability"
	"lockd/schedule"
	"lockd/sim"
)

// story is what is told of a run of the simulator. Some twenty locks are granted there in a second; told are the faults, and
// the locks that these are about.
type story struct {
	lines   []line
	history []linearizability.Operation
}

type line struct {
	at       time.Duration
	sentence string
}

func byReturn(a, b linearizability.Operation) int { return cmp.Compare(a.Return, b.Return) }

// holding is one grant of a lock.
type holding struct {
	lock  string
	token uint64
}

func held(o linearizability.Operation) holding { return holding{o.Lock, o.Token} }

func (s *story) add(at time.Duration, format string, arguments ...any) {
	s.lines = append(s.lines, line{at, fmt.Sprintf(format, arguments...)})
}

// hear takes a sentence of the simulator's own, if it is about who leads or what clients have lost.
func (s *story) hear(at time.Duration, sentence string) {
	for _, matter := range [...]string{" leads term ", " goes on", " has lost "} {
		if strings.Contains(sentence, matter) && at < twinTime {
			s.add(at, "%s", sentence)
		}
	}
}

// enough of one kind of fault that is aimed at locks is told: they are all alike.
const enough = 2

// gather adds what happened, besides: the blows that fell, what was refused because of them, and the grants before and after.
func (s *story) gather(blows []blow, r sim.Report) {
	s.history = slices.SortedStableFunc(slices.Values(r.History.Operations), byReturn)
	var words []line
	var matter []holding
	told, struck := map[schedule.Fault]int{}, map[string]bool{}
	for _, b := range s.worth(blows, r.Strikes) {
		if b.hits.token != 0 {
			if told[b.Fault]++; told[b.Fault] > enough {
				continue
			}
			matter = append(matter, b.hits)
		}
		struck[fmt.Sprint(b.Client)] = true
		words = append(words, line{time.Duration(b.At), b.words})
	}
	s.lines = slices.DeleteFunc(s.lines, func(l line) bool {
		who, number := strings.Fields(l.sentence)[0], strings.Fields(l.sentence)[1]
		return who == "client" && !struck[number]
	})
	s.refusals(matter)
	s.grants(matter)
	s.lines = append(s.lines, words...)
}

// worth are the blows that fell and that there is something to tell about: first those whose victims were refused something.
func (s *story) worth(blows []blow, strikes []schedule.Strike) (worth []blow) {
	for _, b := range blows {
		for _, strike := range strikes {
			if strike.Fault != b.Fault || strike.Place != b.Place || strike.Number != b.Number {
				continue
			}
			b.At = strike.At
			if b.Place != "" {
				b.hits = s.befallen(b)
			}
			if b.Place == "" || b.hits.token != 0 {
				worth = append(worth, b)
			}
		}
	}
	slices.SortStableFunc(worth, func(a, b blow) int { return len(s.refused(b.hits)) - len(s.refused(a.hits)) })
	return worth
}

// befallen is the grant whose use an accident befell, if all clients want that lock.
func (s *story) befallen(b blow) holding {
	for _, o := range s.history {
		uses := o.Kind == linearizability.Read || o.Kind == linearizability.Write || o.Kind == linearizability.Release
		if uses && o.Called == time.Duration(b.At) && isShared(o.Lock) && fmt.Sprint("c", o.Client) == b.Place {
			return held(o)
		}
	}
	return holding{}
}

// refused is what the file of a lock refused to one of its holders.
func (s *story) refused(h holding) (refused []linearizability.Operation) {
	for _, o := range s.history {
		edits := o.Kind == linearizability.Read || o.Kind == linearizability.Write
		if edits && o.Outcome == linearizability.Refused && held(o) == h {
			refused = append(refused, o)
		}
	}
	return refused
}

func (s *story) refusals(matter []holding) {
	for _, h := range matter {
		for _, o := range s.refused(h) {
			what := "read"
			if o.Kind == linearizability.Write {
				what = "write"
			}
			s.add(o.Returned, "client %d tries to %s the file of lock %s under token %d, and is refused: that is an old token",
				o.Client, what, o.Lock, o.Token)
		}
	}
}

// grants adds the grants that matter with those of the same lock that came next, and the first one under each new leader
// with the one before it.
func (s *story) grants(matter []holding) {
	told := map[holding]bool{}
	tell := func(o linearizability.Operation) {
		if !told[held(o)] {
			told[held(o)] = true
			s.add(o.Returned, "client %d holds lock %s, with token %d", o.Client, o.Lock, o.Token)
		}
	}
	reigns := slices.DeleteFunc(slices.Clone(s.lines), func(l line) bool { return !strings.Contains(l.sentence, " leads ") })
	var last linearizability.Operation
	for _, o := range s.history {
		if o.Kind != linearizability.Acquire || o.Outcome != linearizability.Done {
			continue
		}
		for i, h := range matter {
			if o.Lock == h.lock && o.Token >= h.token {
				tell(o)
				if o.Token > h.token {
					matter[i] = holding{}
				}
			}
		}
		for ; len(reigns) > 0 && reigns[0].at < o.Returned; reigns = reigns[1:] {
			if last.Token != 0 {
				tell(last)
				tell(o)
			}
		}
		last = o
	}
}

// read tells the story in the order of true time.
func (s *story) read(tell Tell) {
	slices.SortStableFunc(s.lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	for _, l := range s.lines {
		tell(l.at, l.sentence)
	}
}
