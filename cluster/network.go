package cluster

import (
	"fmt"
	"strconv"
	"strings"
)

// place is a process of a trial: a member, or a crew of clients. Numbers begin at 1.
type place struct {
	crew   bool
	number int
}

func member(number int) place { return place{number: number} }

func (p place) String() string {
	if p.crew {
		return "c" + strconv.Itoa(p.number)
	}
	return "s" + strconv.Itoa(p.number)
}

// direction is one of the two between two places.
type direction struct{ from, to place }

func (d direction) String() string { return d.from.String() + ">" + d.to.String() }

// Network is everything that connects the processes of a trial: a Way for each direction between two members, and between a
// crew and a member. Each connection goes through a proxy of its own pair of places, and takes the ways of that pair.
//
// A member sends to another one on the connection that it dialled itself. Its bytes, the answers in the handshakes of the
// connections that the other one dialled, and nothing else go the same way. So each direction can be cut by itself. What a
// proxy can't cut is the kernel's acknowledgement of bytes that it has taken in already.
type Network struct {
	ways    map[direction]*Way
	proxies map[direction]*Proxy // by who dials whom
}

// newNetwork makes the ways and the proxies. at are the members' addresses for each other, and for clients.
func newNetwork(peers, clients []string, crews int) (*Network, error) {
	n := &Network{ways: map[direction]*Way{}, proxies: map[direction]*Proxy{}}
	for i := range peers {
		for j := range peers {
			if i == j {
				continue
			}
			if err := n.connect(direction{member(i + 1), member(j + 1)}, peers[j]); err != nil {
				n.Close()
				return nil, err
			}
		}
		for c := range crews {
			if err := n.connect(direction{place{true, c + 1}, member(i + 1)}, clients[i]); err != nil {
				n.Close()
				return nil, err
			}
		}
	}
	return n, nil
}

func (n *Network) connect(dialled direction, to string) (err error) {
	n.proxies[dialled], err = newProxy(to, n.way(dialled), n.way(direction{dialled.to, dialled.from}))
	if err != nil {
		delete(n.proxies, dialled)
	}
	return err
}

// way is the one of a direction, which is made on first sight.
func (n *Network) way(d direction) *Way {
	if n.ways[d] == nil {
		n.ways[d] = newWay()
	}
	return n.ways[d]
}

// Close ends all connections.
func (n *Network) Close() {
	for _, p := range n.proxies {
		p.Close()
	}
}

// address is where one place finds another.
func (n *Network) address(from, to place) string {
	return n.proxies[direction{from, to}].Address()
}

// reset closes the connections that a place has dialled, and those on which it was dialled. It tells how many there were.
func (n *Network) reset(at place) int {
	closed := 0
	for dialled, proxy := range n.proxies {
		if dialled.from == at || dialled.to == at && at.crew == dialled.from.crew {
			closed += proxy.Reset()
		}
	}
	return closed
}

// parseDirection reads "s1>s2" or "c4>s1". A client stands for its crew.
func parseDirection(text string, crewOf func(client int) int) (direction, error) {
	near, far, _ := strings.Cut(text, ">")
	from, err := parsePlace(near, crewOf)
	if err != nil {
		return direction{}, fmt.Errorf("%q: %w", text, err)
	}
	to, err := parsePlace(far, crewOf)
	if err != nil {
		return direction{}, fmt.Errorf("%q: %w", text, err)
	}
	return direction{from, to}, nil
}

func parsePlace(text string, crewOf func(client int) int) (place, error) {
	if len(text) < 2 || text[0] != 's' && text[0] != 'c' {
		return place{}, fmt.Errorf("%q is no place: write s1 or c4", text)
	}
	number, err := strconv.Atoi(text[1:])
	if err != nil {
		return place{}, fmt.Errorf("%q is no place: write s1 or c4", text)
	}
	if text[0] == 'c' {
		return place{true, crewOf(number)}, nil
	}
	return member(number), nil
}
