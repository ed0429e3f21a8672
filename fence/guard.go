package fence

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
)

// Token is a fencing token: the number that came with the grant of a lock. A later grant's
// is higher. Zero is none.
type Token uint64

// digest stands for a resource's name, so that a mark has one size in memory and on disk
// whatever the name's length.
type digest [sha256.Size]byte

// Guard remembers the highest token seen for each resource, and refuses a lower one.
// Its methods may be called from many goroutines.
type Guard struct {
	mu        sync.Mutex
	resources map[digest]*resource // only grows: a mark forgotten is an old token accepted
	refusal   error                // of everything, once set: ErrClosed or wrapping ErrBroken

	writing sync.Mutex // one mark is written and synced at a time
	ledger  *ledger    // nil: marks live in memory only
}

// resource is what the guard knows of one name. Only who has the turn looks at highest.
type resource struct {
	turn    chan struct{} // holds one element while somebody has the turn
	highest Token
}

func newResource(highest Token) *resource {
	return &resource{turn: make(chan struct{}, 1), highest: highest}
}

// New returns a guard whose marks live in memory, for resources that do too.
func New() *Guard {
	return &Guard{resources: make(map[digest]*resource)}
}

// Open returns a guard whose marks are kept in the directory, and survive a crash of the
// process and of the machine. The directory is made if it is missing; its parent must exist.
// An error wraps a *DamageError if the marks found there cannot be relied upon. While the
// guard is open no other can open the directory.
func Open(directory string) (*Guard, error) {
	return open(directory, operatingSystem)
}

func open(directory string, disk disk) (*Guard, error) {
	ledger, marks, err := openLedger(directory, disk)
	if err != nil {
		return nil, fmt.Errorf("open the marks in %s: %w", directory, err)
	}
	guard := New()
	guard.ledger = ledger
	for name, highest := range marks {
		guard.resources[name] = newResource(highest)
	}
	return guard, nil
}

// Do runs the operation if the token is not lower than any that was presented for the
// resource before, in this order: wait until no other operation on the resource runs, compare
// the token, raise the mark (durably, if the guard is durable), run. Everything that a holder
// does under its lock goes through Do, reads included.
//
// It returns what the operation returned; or, the operation not having begun, ErrNoToken, a
// *StaleError, ErrClosed, an error wrapping ErrBroken, the error of a mark that could not be
// written, or the context's if that ended during the wait. The context is not looked at once
// the operation runs. The mark stays raised whatever the operation returns.
//
// An operation must not call Do for its own resource, nor Close: it would wait for itself.
func (g *Guard) Do(ctx context.Context, resource string, token Token, operation func() error) error {
	if token == 0 {
		return ErrNoToken
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	name := digest(sha256.Sum256([]byte(resource)))
	entry := g.resource(name)
	select {
	case entry.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-entry.turn }()

	if err := g.refused(); err != nil {
		return err
	}
	if token < entry.highest {
		return &StaleError{Resource: resource, Token: token, Highest: entry.highest}
	}
	if token > entry.highest {
		if err := g.keep(name, token); err != nil {
			return err
		}
		entry.highest = token
	}
	return operation()
}

// Close waits for the operations under way, refuses later ones, and lets go of the
// directory. It may be called again, to no effect.
func (g *Guard) Close() error {
	g.refuse(ErrClosed)
	for _, entry := range g.known() {
		// Letting go of the directory while an operation runs would let the next guard on
		// it begin a newer holder's operation in the middle of this one.
		entry.turn <- struct{}{}
		<-entry.turn
	}
	g.writing.Lock()
	defer g.writing.Unlock()
	if g.ledger == nil {
		return nil
	}
	err := g.ledger.close()
	g.ledger = nil
	return err
}

// keep makes the mark durable, if this guard's marks are.
func (g *Guard) keep(name digest, token Token) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	if err := g.refused(); err != nil {
		return err
	}
	if g.ledger == nil {
		return nil
	}
	err := g.ledger.append(mark{name, token})
	if errors.Is(err, ErrBroken) {
		// What a failed sync did to earlier records is unknown, so that even an equal
		// token may no longer have its mark on disk.
		g.refuse(err)
	}
	return err
}

// resource returns the entry of the name, made on first sight.
func (g *Guard) resource(name digest) *resource {
	g.mu.Lock()
	defer g.mu.Unlock()
	entry, found := g.resources[name]
	if !found {
		entry = newResource(0)
		g.resources[name] = entry
	}
	return entry
}

// known returns all entries made so far.
func (g *Guard) known() []*resource {
	g.mu.Lock()
	defer g.mu.Unlock()
	entries := make([]*resource, 0, len(g.resources))
	for _, entry := range g.resources {
		entries = append(entries, entry)
	}
	return entries
}

// refuse makes the guard refuse everything from now on.
func (g *Guard) refuse(reason error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refusal = reason
}

func (g *Guard) refused() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refusal
}
