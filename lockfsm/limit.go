package lockfsm

import (
	"time"
	"unicode"
	"unicode/utf8"
)

// What a command may ask for. Validate refuses what lies outside.
const (
	MaxName  = 255  // bytes of a lock's name, at least one
	MaxOwner = 255  // bytes of a session's owner
	MaxValue = 4096 // bytes of a lock's value

	MinTTL  = time.Second
	MaxTTL  = 24 * time.Hour
	MaxWait = 24 * time.Hour // of a bounded wait; Forever has no bound
)

// What the machine holds at most. Beyond, a command is refused, and what is held stays.
const (
	MaxSessions = 250_000
	MaxLocks    = 2_000_000 // held ones: a free lock takes no room
	MaxWaiters  = 20_000    // of one lock
	MaxRequests = 1024      // remembered answers of one session that it has not acknowledged
)

// Validate refuses what a command alone shows to be wrong, whatever the machine holds: a
// server may ask before it proposes. Apply asks in any case. It returns OK, InvalidName,
// InvalidValue, InvalidOwner, InvalidTTL, InvalidWait, ZeroToken, or WrongName for a
// Cancel whose target can't be an earlier request.
func Validate(command Command) Status {
	switch c := command.(type) {
	case Open:
		return validateOpen(c)
	case Acquire:
		return validateAcquire(c)
	case Release:
		return validateRelease(c)
	case Cancel:
		if c.Target == 0 || c.Target == c.Sequence {
			return WrongName
		}
	case Withdraw:
		if !validName(c.Name) {
			return InvalidName
		}
	}
	return OK
}

func validateOpen(c Open) Status {
	switch {
	case c.TTL < MinTTL || c.TTL > MaxTTL:
		return InvalidTTL
	case len(c.Owner) > MaxOwner || !printable(c.Owner):
		return InvalidOwner
	}
	return OK
}

func validateAcquire(c Acquire) Status {
	switch {
	case !validName(c.Name):
		return InvalidName
	case len(c.Value) > MaxValue:
		return InvalidValue
	case c.Wait < 0 && c.Wait != Forever || c.Wait > MaxWait:
		return InvalidWait
	}
	return OK
}

func validateRelease(c Release) Status {
	switch {
	case !validName(c.Name):
		return InvalidName
	case c.Token == 0:
		return ZeroToken
	}
	return OK
}

func validName(name string) bool {
	return name != "" && len(name) <= MaxName && printable(name)
}

// printable says that a text is UTF-8 without control characters (NUL, line ends, escape,
// DEL, C1). Names and owners go to terminals, logs and metrics as they are, where an
// escape sequence could rewrite what an operator sees.
func printable(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c == '\x7f':
			return false
		case c >= utf8.RuneSelf:
			return printableBeyondASCII(text[i:])
		}
	}
	return true
}

func printableBeyondASCII(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}
