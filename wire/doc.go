// Package wire turns the vocabulary of the other packages into bytes and back. It is the one
// place that knows an encoding: a server, a client and a simulated network that pass bytes
// through here speak the same language.
//
// There are two languages, because there are two kinds of listener.
//
// Members of a cluster run the same program, or for the time of an upgrade two versions of it, and exchange many small messages, so
// they speak a binary format of our own: a Hello each way, then Envelopes, each inside a
// Frame. What they say is of the version in force in the log (package lockfsm): a message that changes takes a new kind, which is sent when every member
// is known to read it. The Hello says which version its sender supports, so that who is too old is refused at the door.
// Numbers are big-endian and of fixed width, or packed where it pays (packed.go), and one description of a message's fields
// serves writing and reading, so that the two cannot drift apart. Decoding is strict: bytes
// that decode are exactly the bytes that encoding gives, no count or length is believed
// before the bytes are there, and nothing that a peer sends can make a decoder panic.
//
// Clients come in every language and every version, so they speak protobuf: the service
// lockd.v1 of lockd/v1/lockd.proto, generated into lockdv1. A Connect stream packs Calls and
// Replies; unary calls and their HTTP form carry the same requests one at a time. What this
// package adds is the conversion between these messages and the words of packages lockfsm
// and server, and the one table that says which gRPC code stands for which refusal.
//
// A request that cannot be carried (a value that is not text, a duration that is none, a
// request that this version does not know) is not an error of the stream: it is answered with
// a Refusal, and its neighbours in the frame are not harmed. A frame that cannot be parsed is
// Malformed, and ends the connection.
//
// Left out: connections, timeouts and addresses are the transport's; whether a message makes
// sense is for raft, lockfsm and server to judge. Records on disk have their own format, in
// package wal, and commands in the log theirs, in package lockfsm.
package wire

//go:generate ./generate.sh
