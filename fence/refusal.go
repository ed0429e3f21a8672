package fence

import (
	"errors"
	"fmt"
)

// Refusals of a Guard. Each means that the operation was not begun.
var (
	// ErrNoToken refuses the zero token, which no grant ever carries.
	ErrNoToken = errors.New("fence: no fencing token (zero is never one)")

	// ErrStale is what every *StaleError wraps.
	ErrStale = errors.New("fence: stale fencing token")

	// ErrBroken means that the marks on disk can no longer be relied upon: a sync or a
	// rename failed, or the file is damaged. The guard refuses everything from then on.
	// Whoever meets it closes the guard, looks at the disk, and opens the directory again.
	ErrBroken = errors.New("fence: guard out of service")

	// ErrClosed refuses what comes after Close.
	ErrClosed = errors.New("fence: guard is closed")
)

// StaleError refuses a token lower than one that the resource has seen: the lock has been
// granted to somebody else since, and whoever presented Token must stop.
type StaleError struct {
	Resource string
	Token    Token // the one presented
	Highest  Token // the highest one seen
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("%v: resource %q has seen token %d, which is higher than %d",
		ErrStale, e.Resource, e.Highest, e.Token)
}

// Unwrap lets errors.Is(err, ErrStale) hold.
func (e *StaleError) Unwrap() error { return ErrStale }

// DamageError says where a file of marks is not what a guard wrote. No crash leaves such a
// file behind; the disk, or somebody's hand, did. The marks may still be had from a copy of
// the directory, or begun anew above every token granted so far.
type DamageError struct {
	File   string
	Offset int64 // bytes from the file's beginning
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("fence: %s is damaged at byte %d: %s", e.File, e.Offset, e.Reason)
}

// Unwrap lets errors.Is(err, ErrBroken) hold.
func (e *DamageError) Unwrap() error { return ErrBroken }
