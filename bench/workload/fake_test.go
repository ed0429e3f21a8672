package workload

import (
	"context"
	"errors"
	"sync"
	"time"

	"lockd/bench/service"
)

var errBroken = errors.New("the lock is broken")

// fake is a lock service whose every call takes just as long as it is told to.
type fake struct {
	acquiring, releasing time.Duration
	breaks               string // the lock that nobody can release

	mutex  sync.Mutex
	locks  map[string]chan struct{} // of one place, which holds something while the lock is free
	opened int
	closed int
}

func (f *fake) cluster() *service.Cluster {
	f.locks = map[string]chan struct{}{}
	return &service.Cluster{System: &service.System{Name: "fake", Open: func(_ context.Context, _ *service.Cluster, sessions int) (*service.Crew, error) {
		opened := make([]service.Session, sessions)
		for i := range opened {
			opened[i] = fakeSession{f}
		}
		f.opened += sessions
		return service.NewCrew(opened, func() {}), nil
	}}}
}

type fakeSession struct{ *fake }

func (s fakeSession) Mutex(name string) service.Mutex {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	free, known := s.locks[name]
	if !known {
		free = make(chan struct{}, 1)
		free <- struct{}{}
		s.locks[name] = free
	}
	return fakeMutex{s.fake, name, free}
}

func (s fakeSession) Close(context.Context) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed++
	return nil
}

type fakeMutex struct {
	*fake
	name string
	free chan struct{}
}

func (m fakeMutex) Lock(ctx context.Context) error {
	<-time.After(m.acquiring)
	select {
	case <-m.free:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m fakeMutex) Unlock(context.Context) error {
	<-time.After(m.releasing)
	if m.name == m.breaks {
		return errBroken
	}
	m.free <- struct{}{}
	return nil
}
