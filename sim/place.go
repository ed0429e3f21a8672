package sim

import (
	"fmt"
	"strconv"
	"strings"

	"lockd/schedule"
)

// Places are numbered: members first, then clients. In schedules and stories servers are s1 and on, clients c1 and on, and a
// direction of a link is s1>s2.

// nowhere is the far end of what is no link.
const nowhere = -1

func (w *world) placeText(from, to int32) string {
	name := func(place int32) string {
		if members := int32(w.config.Members); place >= members {
			return "c" + strconv.Itoa(int(place-members+1))
		}
		return "s" + strconv.Itoa(int(place+1))
	}
	if to == nowhere {
		return name(from)
	}
	return name(from) + ">" + name(to)
}

// parsePlace is the inverse of placeText.
func (w *world) parsePlace(text string) (from, to int32, err error) {
	near, far, link := strings.Cut(text, ">")
	if from, err = w.parseName(near); err != nil || !link {
		return from, nowhere, err
	}
	to, err = w.parseName(far)
	return from, to, err
}

func (w *world) parseName(text string) (int32, error) {
	count, first := w.config.Members, 0
	number, server := strings.CutPrefix(text, "s")
	if !server {
		number, first, count = strings.TrimPrefix(text, "c"), w.config.Members, w.config.Clients
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > count || number == text {
		return 0, fmt.Errorf("%q is no place: servers are s1 to s%d, clients c1 to c%d", text, w.config.Members, w.config.Clients)
	}
	return int32(first + n - 1), nil
}

// adopt takes the faults of a schedule for those of the run. A strike with a place is an accident.
func (w *world) adopt(s *schedule.Schedule) error {
	w.knobs.enabled = [schedule.Faults]bool{}
	w.accidents = map[accident]bool{}
	for i, strike := range s.Faults {
		w.knobs.enabled[strike.Fault] = true
		if strike.Place == "" {
			if strike.Server > w.config.Members || strike.Client > w.config.Clients {
				return fmt.Errorf("fault %d, %v, names server %d or client %d, and there is none", i+1, strike.Fault, strike.Server, strike.Client)
			}
			continue
		}
		from, to, err := w.parsePlace(strike.Place)
		if err != nil {
			return fmt.Errorf("fault %d, %v: %w", i+1, strike.Fault, err)
		}
		w.accidents[accident{strike.Fault, from, to, strike.Number}] = true
	}
	return nil
}

// record keeps a strike for who asked for them.
func (w *world) record(s schedule.Strike) {
	if w.config.Record {
		w.strikes = append(w.strikes, s)
	}
}
