package wire

import "fmt"

// Malformed says that bytes are not what they claim to be. Whoever sent them speaks another
// language, or the bytes were damaged: the connection cannot go on.
type Malformed struct {
	What string // what was being decoded: "envelope", "hello", "client frame"
	At   int    // offset of the byte where it went wrong; -1: not known
	Why  string
}

func (m *Malformed) Error() string {
	if m.At < 0 {
		return fmt.Sprintf("malformed %s: %s", m.What, m.Why)
	}
	return fmt.Sprintf("malformed %s: at byte %d: %s", m.What, m.At, m.Why)
}
