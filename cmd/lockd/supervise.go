package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lockd/client"
)

// What a command leaves running gets this long to end by itself, and after TERM this long until KILL.
const (
	leftoverPatience = 500 * time.Millisecond
	leftoverGrace    = 2 * time.Second
)

// forwarded are the signals that a user may mean for the command.
var forwarded = []os.Signal{
	unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH, unix.SIGTSTP, unix.SIGCONT,
}

// supervisor runs one command under a lock. Everything happens in its one loop, which never waits for the network.
type supervisor struct {
	family   *family
	terminal *terminal
	left     func() time.Duration // of the lease
	limit    lastWords

	status    unix.WaitStatus // of the command, once it has ended
	ended     bool
	lost      bool
	killing   bool
	suspended bool             // we have stopped ourselves
	interest  bool             // the command used the terminal before that
	next      <-chan time.Time // when what is left running is treated less gently
	warned    bool             // what is left running got TERM
}

// supervise returns when nobody of the command's family is left, with its exit status, or the news that the lock was lost.
func supervise(session *client.Session, mutex *client.Mutex, ttl time.Duration, path string, arguments, environment []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 64)
	defer signal.Stop(signals)
	held := mutex.Context()
	s := &supervisor{limit: lastWordsFor(ttl), left: func() time.Duration {
		if !mutex.Held() {
			return 0
		}
		return session.Left()
	}}
	signal.Notify(signals, heeded(forwarded)...)
	var err error
	if s.family, err = startFamily(path, arguments, environment); err != nil {
		return fail(exitNotRunnable, "%w", err)
	}
	s.terminal = openTerminal()
	defer s.terminal.close()
	verdicts, stop := make(chan verdict), make(chan struct{})
	defer close(stop)
	watching := &guard{left: s.left, limit: s.limit, lost: held.Done(), said: verdicts, stop: stop}
	go watching.watch()
	s.loop(signals, verdicts)
	s.terminal.pass(s.family.leader, s.terminal.own)
	if s.lost {
		return lostError(mutex.Name(), ttl)
	}
	return statusError(s.status)
}

func lostError(name string, ttl time.Duration) error {
	return fail(exitLost, "the lock %q was lost: no server had acknowledged it for most of its TTL of %v; the command was ended", name, ttl)
}

// statusError passes a command's status on without a word.
func statusError(status unix.WaitStatus) error {
	switch {
	case status.Signaled():
		return quietExit(exitSignal + int(status.Signal()))
	case status.ExitStatus() != 0:
		return quietExit(status.ExitStatus())
	}
	return nil
}

func (s *supervisor) loop(signals <-chan os.Signal, verdicts <-chan verdict) {
	for {
		select {
		case change, open := <-s.family.changes:
			if !open {
				return
			}
			s.changed(change)
		case v := <-verdicts:
			s.lose(v)
		case received := <-signals:
			s.forward(received.(syscall.Signal))
		case <-s.next:
			s.clearUp()
		}
	}
}

// lose ends the family because the lease ends.
func (s *supervisor) lose(v verdict) {
	s.lost = true
	if v == endNow {
		s.kill()
		return
	}
	s.send(unix.SIGTERM)
	s.send(unix.SIGCONT) // who is stopped can't obey
}

// kill is repeated at each ending, because that is when those who had left the group become ours to find.
func (s *supervisor) kill() {
	s.killing = true
	s.send(unix.SIGKILL)
}

// send reaches everybody there is. That somebody has just ended is no error, and nothing can be done about another: a program
// that has become another user's, say.
func (s *supervisor) send(number syscall.Signal) {
	err := s.family.signal(number)
	if err != nil && !errors.Is(err, unix.ESRCH) && !errors.Is(err, unix.EPERM) {
		panic(fmt.Sprintf("lockd: %v is a signal, and the group is ours: %v", number, err))
	}
}

func (s *supervisor) changed(c change) {
	switch {
	case c.status.Stopped() && c.process == s.family.leader:
		s.stopped(c.status.StopSignal())
	case c.status.Stopped():
	case c.process == s.family.leader:
		s.ended, s.status = true, c.status
		s.next = time.After(leftoverPatience)
	}
	if s.killing {
		s.send(unix.SIGKILL)
	}
}

// clearUp ends what the command has left running.
func (s *supervisor) clearUp() {
	if s.warned {
		s.kill()
		return
	}
	s.warned = true
	s.send(unix.SIGTERM)
	s.send(unix.SIGCONT)
	s.next = time.After(leftoverGrace)
}

// forward passes a signal on. One that comes when the command has ended is for those that it left running.
func (s *supervisor) forward(number syscall.Signal) {
	if number == unix.SIGCONT && s.suspended {
		s.resume()
		return
	}
	s.send(number)
}

// stopped is the command's being stopped. A group that uses the terminal from the background is stopped by the system: then it gets the
// terminal, if that is ours. Else a shell that waits for us must see us stop, as the command did.
func (s *supervisor) stopped(by syscall.Signal) {
	used := by == unix.SIGTTIN || by == unix.SIGTTOU
	if used && s.terminal.pass(s.terminal.own, s.family.leader) {
		s.send(unix.SIGCONT)
		return
	}
	if !used && by != unix.SIGTSTP {
		return // somebody else's doing, and theirs to undo: the lock is held meanwhile
	}
	switch {
	case s.terminal.watched():
		s.suspend(used)
	case !used: // who reads from the background would only be stopped again
		s.send(unix.SIGCONT)
	}
}

// suspend stops everybody and then us. Nobody renews the lease meanwhile, but nobody works under it either.
func (s *supervisor) suspend(used bool) {
	s.interest = used || s.terminal.foreground() == s.family.leader
	s.suspended = true
	s.send(unix.SIGSTOP)
	s.terminal.pass(s.family.leader, s.terminal.own)
	if err := unix.Kill(unix.Getpid(), unix.SIGSTOP); err != nil {
		panic("lockd: a process may stop itself: " + err.Error())
	}
}

// resume lets the command run on, if its lock has lasted that long. The guard may not have looked yet.
func (s *supervisor) resume() {
	s.suspended = false
	if s.left() <= s.limit.now {
		s.lost = true
		s.kill()
		return
	}
	if s.interest {
		s.terminal.pass(s.terminal.own, s.family.leader)
	}
	s.send(unix.SIGCONT)
}
