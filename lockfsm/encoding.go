package lockfsm

import (
	"encoding/binary"
	"fmt"
	"time"
)

// kind is a command's second byte. The numbers are in logs and snapshots: they never change.
type kind byte

const (
	kindOpen     kind = 1
	kindRenew    kind = 2
	kindClose    kind = 3
	kindExpire   kind = 4
	kindAcquire  kind = 5
	kindRelease  kind = 6
	kindCancel   kind = 7
	kindWithdraw kind = 8
	kindClock    kind = 9
	kindUpgrade  kind = 10
)

// upgradeSize is how long an Upgrade is. Its bytes are the same in all versions, so that a member which is too old for what comes can read that it is.
const upgradeSize = 3

// Encode appends a command's bytes to dst:
//
//	version  byte
//	kind     byte
//	fields             in the order in which the struct names them
//
// A number is a varint, one that may be negative (a wait) or counts nanoseconds is a zigzag varint;
// texts and lists have their length in front. An Upgrade's version is a byte. Every command has one encoding in each version.
//
// In version 2 a number that is close to one before it is told by how far it is from that, as a zigzag varint: what is acknowledged, from the sequence;
// a token, from the session; a session or deadline in a list, from the one before it. A renewal of many sessions, which is most of what an idle
// cluster writes, takes a byte or two for each in place of three; in a cluster that was recovered, whose sessions and tokens are
// numbers of eight bytes, in place of eight.
func (v Version) Encode(dst []byte, command Command) []byte {
	dst = append(dst, byte(v))
	switch c := command.(type) {
	case Open:
		dst = binary.AppendUvarint(append(dst, byte(kindOpen)), c.Nonce)
		dst = binary.AppendVarint(dst, int64(c.TTL))
		return appendText(dst, c.Owner)
	case Renew:
		return v.appendSessions(append(dst, byte(kindRenew)), c.Sessions)
	case Close:
		return binary.AppendUvarint(append(dst, byte(kindClose)), uint64(c.Session))
	case Expire:
		return v.appendExpiries(append(dst, byte(kindExpire)), c.Sessions)
	case Acquire:
		dst = v.appendRequest(append(dst, byte(kindAcquire)), c.Request)
		dst = appendText(appendText(dst, c.Name), c.Value)
		return binary.AppendVarint(dst, int64(c.Wait))
	case Release:
		dst = v.appendRequest(append(dst, byte(kindRelease)), c.Request)
		return v.appendNear(appendText(dst, c.Name), uint64(c.Token), uint64(c.Session))
	case Cancel:
		dst = v.appendRequest(append(dst, byte(kindCancel)), c.Request)
		return binary.AppendUvarint(dst, uint64(c.Target))
	case Withdraw:
		dst = appendText(append(dst, byte(kindWithdraw)), c.Name)
		return binary.AppendUvarint(dst, uint64(c.Place))
	case Clock:
		return append(dst, byte(kindClock))
	case Upgrade:
		return append(dst, byte(kindUpgrade), byte(c.To))
	}
	panic(fmt.Sprintf("lockfsm: there is no encoding for a command of type %T", command))
}

func (v Version) appendRequest(dst []byte, r Request) []byte {
	dst = binary.AppendUvarint(dst, uint64(r.Session))
	dst = binary.AppendUvarint(dst, uint64(r.Sequence))
	return v.appendNear(dst, uint64(r.Acknowledged), uint64(r.Sequence))
}

func (v Version) appendSessions(dst []byte, sessions []SessionID) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(sessions)))
	for i, session := range sessions {
		if i == 0 {
			dst = binary.AppendUvarint(dst, uint64(session))
		} else {
			dst = v.appendNear(dst, uint64(session), uint64(sessions[i-1]))
		}
	}
	return dst
}

func (v Version) appendExpiries(dst []byte, expiries []Expiry) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(expiries)))
	for i, expiry := range expiries {
		if i == 0 || v < compact {
			dst = binary.AppendUvarint(dst, uint64(expiry.Session))
			dst = binary.AppendVarint(dst, int64(expiry.Deadline))
		} else {
			dst = v.appendNear(dst, uint64(expiry.Session), uint64(expiries[i-1].Session))
			dst = binary.AppendVarint(dst, int64(expiry.Deadline-expiries[i-1].Deadline))
		}
	}
	return dst
}

// appendNear appends a number that is likely to be close to another one, which whoever reads it knows by then.
func (v Version) appendNear(dst []byte, number, other uint64) []byte {
	if v < compact {
		return binary.AppendUvarint(dst, number)
	}
	return binary.AppendVarint(dst, int64(number-other))
}

// Decode reads what Encode wrote, in any version, and nothing else. The command shares no memory with
// the bytes. Its error is a *FormatError; it wraps a *VersionError if a later program can read them.
func Decode(data []byte) (Command, error) {
	r := newReader("command", data)
	r.readVersion()
	command := r.command(kind(r.byte()))
	if err := r.end(); err != nil {
		return nil, err
	}
	return command, nil
}

func (r *reader) command(k kind) Command {
	switch k {
	case kindOpen:
		return Open{Nonce: r.unsigned(), TTL: time.Duration(r.signed()), Owner: r.text()}
	case kindRenew:
		return Renew{Sessions: r.sessions()}
	case kindClose:
		return Close{Session: SessionID(r.unsigned())}
	case kindExpire:
		return Expire{Sessions: r.expiries()}
	case kindAcquire:
		return Acquire{Request: r.request(), Name: r.text(), Value: r.blob(), Wait: time.Duration(r.signed())}
	case kindRelease:
		request, name := r.request(), r.text()
		return Release{Request: request, Name: name, Token: Token(r.near(uint64(request.Session)))}
	case kindCancel:
		return Cancel{Request: r.request(), Target: Sequence(r.unsigned())}
	case kindWithdraw:
		return Withdraw{Name: r.text(), Place: Place(r.unsigned())}
	case kindClock:
		return Clock{}
	case kindUpgrade:
		return r.upgrade()
	}
	r.fail(ErrKind)
	return nil
}

func (r *reader) request() Request {
	session, sequence := SessionID(r.unsigned()), Sequence(r.unsigned())
	return Request{Session: session, Sequence: sequence, Acknowledged: Sequence(r.near(uint64(sequence)))}
}

func (r *reader) sessions() []SessionID {
	size := r.size(1)
	if size == 0 {
		return nil
	}
	sessions := make([]SessionID, size)
	sessions[0] = SessionID(r.unsigned())
	for i := 1; i < size; i++ {
		sessions[i] = SessionID(r.near(uint64(sessions[i-1])))
	}
	return sessions
}

func (r *reader) expiries() []Expiry {
	size := r.size(2)
	if size == 0 {
		return nil
	}
	expiries := make([]Expiry, size)
	expiries[0] = Expiry{Session: SessionID(r.unsigned()), Deadline: time.Duration(r.signed())}
	for i := 1; i < size; i++ {
		before := expiries[i-1]
		if r.version < compact {
			before = Expiry{}
		}
		expiries[i] = Expiry{Session: SessionID(r.near(uint64(before.Session))), Deadline: before.Deadline + time.Duration(r.signed())}
	}
	return expiries
}

func (r *reader) upgrade() Upgrade {
	to := Version(r.byte())
	if to > Newest {
		r.fail(&VersionError{Needed: to, Supported: Newest})
	}
	return Upgrade{To: to}
}

// near undoes appendNear.
func (r *reader) near(other uint64) uint64 {
	if r.version < compact {
		return r.unsigned()
	}
	return other + uint64(r.signed())
}
