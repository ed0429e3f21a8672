package service

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// freeAddresses finds loopback ports that nobody listens on at the moment. They lie below those from which systems take the near ends
// of connections: one of these might else have a server's port when that server starts again.
func freeAddresses(count int) ([]string, error) {
	const lowest, highest, attempts = 12_000, 32_000, 100
	addresses := make([]string, 0, count)
	for range attempts * count {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(highest-lowest)))
		if err != nil {
			continue
		}
		defer listener.Close() //nolint:errcheck // it was never used
		if addresses = append(addresses, listener.Addr().String()); len(addresses) == count {
			return addresses, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports are to be found between %d and %d", count, lowest, highest)
}
