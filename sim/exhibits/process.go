package exhibits

import (
	"iter"
	"time"
)

// process is a program on a machine. It is written straight down, and waits where real programs do.
type process struct {
	*machine
	next func() (struct{}, bool)
	stop func()
	rest func(struct{}) bool // gives the stage over to whatever comes next
	turn int                 // counts the waits, so that what woke up an earlier one does not wake up this one
}

// curtainFalls unwinds a program that the stage no longer needs.
type curtainFalls struct{}

// start runs a program on the machine.
func (m *machine) start(program func(*process)) {
	p := &process{machine: m}
	p.next, p.stop = iter.Pull(func(rest func(struct{}) bool) {
		defer func() {
			if cause := recover(); cause != nil && cause != (curtainFalls{}) {
				panic(cause)
			}
		}()
		p.rest = rest
		program(p)
	})
	m.processes = append(m.processes, p)
	m.later(0, func() { p.next() })
}

// wait stops the program until the function that it is given to spread has been called.
func (p *process) wait(spread func(wake func())) {
	p.turn++
	turn := p.turn
	spread(func() {
		if turn == p.turn {
			p.turn++
			p.next()
		}
	})
	if !p.rest(struct{}{}) {
		panic(curtainFalls{})
	}
}

// pass lets time go by, as thinking and working do.
func (p *process) pass(lasts time.Duration) { p.wait(func(wake func()) { p.later(lasts, wake) }) }

// ask has some machines do something, and waits until enough of them have answered, or for as long as it has patience. What no
// answer came from may have been done as well, or may still be. The messages leave one after the other.
func ask[R any](p *process, whom []*machine, enough int, patience time.Duration, do func(*machine) R) []R {
	var answers []R
	p.wait(func(wake func()) {
		p.later(patience, wake)
		leaves := time.Duration(0)
		for _, to := range whom {
			leaves += p.luck.Exponential(time.Millisecond)
			p.later(leaves, func() {
				p.send(to, func() {
					answer := do(to)
					to.send(p.machine, func() {
						if answers = append(answers, answer); len(answers) == enough {
							wake()
						}
					})
				})
			})
		}
	})
	return answers
}

// call asks one machine. It is false when there was no answer in time.
func call[R any](p *process, to *machine, patience time.Duration, do func() R) (R, bool) {
	answers := ask(p, []*machine{to}, 1, patience, func(*machine) R { return do() })
	if len(answers) == 0 {
		var none R
		return none, false
	}
	return answers[0], true
}
