package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The largest world that a schedule may ask for.
const (
	MaxNodes    = 9
	MaxClients  = 1000
	MaxDuration = Duration(time.Hour)
)

// occasion names an accident: there is one of each.
type occasion struct {
	fault  Fault
	place  string
	number uint64
}

// Check says what of the schedule makes no sense, and in which fault, counted from 1.
func (s Schedule) Check() error {
	switch {
	case s.Profile == "":
		return fmt.Errorf("schedule: it names no profile")
	case s.Nodes < 1 || s.Nodes > MaxNodes:
		return fmt.Errorf("schedule: nodes is 1 to %d, not %d", MaxNodes, s.Nodes)
	case s.Clients < 1 || s.Clients > MaxClients:
		return fmt.Errorf("schedule: clients is 1 to %d, not %d", MaxClients, s.Clients)
	case s.Duration <= 0 || s.Duration > MaxDuration:
		return fmt.Errorf("schedule: duration is up to %v, not %v", time.Duration(MaxDuration), s.Duration)
	}
	befallen := map[occasion]int{}
	for i, strike := range s.Faults {
		if err := s.check(strike); err != nil {
			return fmt.Errorf("schedule: fault %d: %w", i+1, err)
		}
		if strike.Place == "" {
			continue
		}
		this := occasion{strike.Fault, strike.Place, strike.Number}
		if first := befallen[this]; first != 0 {
			return fmt.Errorf("schedule: fault %d: %v number %d at %s is fault %d already", i+1, this.fault, this.number, this.place, first)
		}
		befallen[this] = i + 1
	}
	return nil
}

func (s Schedule) check(strike Strike) error {
	f := strike.Fault
	switch {
	case f >= Faults:
		return fmt.Errorf("there is no fault number %d", f)
	case strike.Number == 0:
		return fmt.Errorf("%v: numbers begin at 1", f)
	case strike.At < 0 || strike.Lasts < 0:
		return fmt.Errorf("%v: no time is negative", f)
	case strike.Server < 0 || strike.Server > s.Nodes:
		return fmt.Errorf("%v: server %d of %d", f, strike.Server, s.Nodes)
	case strike.Client < 0 || strike.Client > s.Clients:
		return fmt.Errorf("%v: client %d of %d", f, strike.Client, s.Clients)
	case f.Accident() && strike.Place == "":
		return fmt.Errorf("%v: an accident says its place", f)
	case !f.Accident() && strike.Place != "" && f != MidWrite && f != Upgrade:
		return fmt.Errorf("%v: an attack has a server or a client, and no place", f)
	}
	if strike.Place != "" {
		if err := s.checkPlace(strike.Place); err != nil {
			return fmt.Errorf("%v: %w", f, err)
		}
	}
	for _, direction := range strike.Cut {
		if !strings.Contains(direction, ">") {
			return fmt.Errorf("%v: %q is no direction of a link, such as \"s1>s2\"", f, direction)
		}
		if err := s.checkPlace(direction); err != nil {
			return fmt.Errorf("%v: %w", f, err)
		}
	}
	return nil
}

// checkPlace accepts "s1", "c4", "s1>s2", "c4>s1" and "s1>c4", of servers and clients that the world has.
func (s Schedule) checkPlace(place string) error {
	near, far, link := strings.Cut(place, ">")
	if err := s.checkName(near, place); err != nil || !link {
		return err
	}
	if err := s.checkName(far, place); err != nil {
		return err
	}
	if near == far || near[0] == 'c' && far[0] == 'c' {
		return fmt.Errorf("%q: there is no such link", place)
	}
	return nil
}

func (s Schedule) checkName(name, place string) error {
	if name == "" || name[0] != 's' && name[0] != 'c' {
		return fmt.Errorf("%q is no place: write \"s1\", \"c4\" or \"s1>s2\"", place)
	}
	number, err := strconv.Atoi(name[1:])
	if err != nil || strconv.Itoa(number) != name[1:] {
		return fmt.Errorf("%q is no place: write \"s1\", \"c4\" or \"s1>s2\"", place)
	}
	kind, count := "server", s.Nodes
	if name[0] == 'c' {
		kind, count = "client", s.Clients
	}
	if number < 1 || number > count {
		return fmt.Errorf("%q: %s %d of %d", place, kind, number, count)
	}
	return nil
}
