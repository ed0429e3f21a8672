// Package transport carries words between a node and the world: to the other members of its
// cluster, and to its clients. It owns sockets and goroutines, and decides nothing.
//
// # Members
//
// Peers (peers.go) keeps one connection for each direction, to the members that the node says it is to meet: a member dials every other one and sends on
// the connection that it dialled, so that who closes and who redials is never in question. A link
// (link.go) is the sending half: a bounded queue and one goroutine, which writes everything
// that is queued at once. What does not fit, or finds no connection, is dropped, counted and
// reported, because consensus repeats what matters and must only know that something was lost;
// a queue that grew while a member was away would drown it with old news when it returns.
// The receiving half (door.go) decodes what has arrived and hands it over in one batch. It may be held up by a busy
// node: then the sender's socket fills, and its queue, which is where the drop is counted.
//
// Before anything else both sides say who they are (handshake.go), and each tells the other whether it is
// welcome, and why not. The rule is not made here: the node gives a Judge. So a wiped member finds the reason
// in its own log too.
//
// A frame that is cut off, too long or damaged ends its connection, and nothing else.
//
// # Clients
//
// Clients (clients.go) is the gRPC service lockd.v1: unary calls for any language, and the Connect stream
// (stream.go), which carries all of one client's traffic. A call becomes a Call handed to the node; the
// node answers through its Caller. When a caller goes away, the node hears of it by Hangup, and takes back what nobody
// waits for any more. HTTP (http.go) is the same service as JSON, with a redirect where gRPC would
// only name the leader, so that curl -L finds it.
//
// # What is left out
//
// Which calls are legal, who leads, and who may be a member: that is for packages server, raft and daemon.
// Encodings: they are in package wire. Connections to more than one address for a member, and
// compression: locks are small.
package transport
