package lockfsm

import (
	"encoding/binary"
	"fmt"
	"time"
)

// commandVersion is the first byte of every command.
const commandVersion = 1

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
)

// Encode appends a command's bytes to dst:
//
//	version  byte      1
//	kind     byte
//	fields             in the order in which the struct names them
//
// A number is a varint, one that may be negative (a wait) or counts nanoseconds is a zigzag varint;
// texts and lists have their length in front. Every command has one encoding.
func Encode(dst []byte, command Command) []byte {
	dst = append(dst, commandVersion)
	switch c := command.(type) {
	case Open:
		dst = binary.AppendUvarint(append(dst, byte(kindOpen)), c.Nonce)
		dst = binary.AppendVarint(dst, int64(c.TTL))
		return appendText(dst, c.Owner)
	case Renew:
		return appendSessions(append(dst, byte(kindRenew)), c.Sessions)
	case Close:
		return binary.AppendUvarint(append(dst, byte(kindClose)), uint64(c.Session))
	case Expire:
		return appendExpiries(append(dst, byte(kindExpire)), c.Sessions)
	case Acquire:
		dst = appendRequest(append(dst, byte(kindAcquire)), c.Request)
		dst = appendText(appendText(dst, c.Name), c.Value)
		return binary.AppendVarint(dst, int64(c.Wait))
	case Release:
		dst = appendRequest(append(dst, byte(kindRelease)), c.Request)
		return binary.AppendUvarint(appendText(dst, c.Name), uint64(c.Token))
	case Cancel:
		dst = appendRequest(append(dst, byte(kindCancel)), c.Request)
		return binary.AppendUvarint(dst, uint64(c.Target))
	case Withdraw:
		dst = appendText(append(dst, byte(kindWithdraw)), c.Name)
		return binary.AppendUvarint(dst, uint64(c.Place))
	case Clock:
		return append(dst, byte(kindClock))
	}
	panic(fmt.Sprintf("lockfsm: there is no encoding for a command of type %T", command))
}

func appendRequest(dst []byte, r Request) []byte {
	dst = binary.AppendUvarint(dst, uint64(r.Session))
	dst = binary.AppendUvarint(dst, uint64(r.Sequence))
	return binary.AppendUvarint(dst, uint64(r.Acknowledged))
}

func appendSessions(dst []byte, sessions []SessionID) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(sessions)))
	for _, session := range sessions {
		dst = binary.AppendUvarint(dst, uint64(session))
	}
	return dst
}

func appendExpiries(dst []byte, expiries []Expiry) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(expiries)))
	for _, expiry := range expiries {
		dst = binary.AppendUvarint(dst, uint64(expiry.Session))
		dst = binary.AppendVarint(dst, int64(expiry.Deadline))
	}
	return dst
}

// Decode reads what Encode wrote, and nothing else. The command shares no memory with
// the bytes. Its error is a *FormatError.
func Decode(data []byte) (Command, error) {
	r := newReader("command", data)
	if version := r.byte(); r.err == nil && version != commandVersion {
		r.fail(ErrVersion)
	}
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
		return Release{Request: r.request(), Name: r.text(), Token: Token(r.unsigned())}
	case kindCancel:
		return Cancel{Request: r.request(), Target: Sequence(r.unsigned())}
	case kindWithdraw:
		return Withdraw{Name: r.text(), Place: Place(r.unsigned())}
	case kindClock:
		return Clock{}
	}
	r.fail(ErrKind)
	return nil
}

func (r *reader) request() Request {
	return Request{Session: SessionID(r.unsigned()), Sequence: Sequence(r.unsigned()), Acknowledged: Sequence(r.unsigned())}
}

func (r *reader) sessions() []SessionID {
	size := r.size(1)
	if size == 0 {
		return nil
	}
	sessions := make([]SessionID, size)
	for i := range sessions {
		sessions[i] = SessionID(r.unsigned())
	}
	return sessions
}

func (r *reader) expiries() []Expiry {
	size := r.size(2)
	if size == 0 {
		return nil
	}
	expiries := make([]Expiry, size)
	for i := range expiries {
		expiries[i] = Expiry{Session: SessionID(r.unsigned()), Deadline: time.Duration(r.signed())}
	}
	return expiries
}
