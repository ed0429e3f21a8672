package daemon

import (
	"fmt"
	"net"

	"lockd/wire"
)

func (d *Daemon) listen() (err error) {
	if d.peerListener = d.config.PeerListener; d.peerListener == nil {
		if d.peerListener, err = listen("members", "peer-address", d.config.PeerAddress); err != nil {
			return err
		}
	}
	if d.clientListener, err = listen("clients", "client-address", d.config.ClientAddress); err != nil {
		return err
	}
	if d.config.HTTPAddress != "" {
		d.httpListener, err = listen("HTTP", "http-address", d.config.HTTPAddress)
	}
	return err
}

func listen(who, setting, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for %s at %s (%s): %w", who, address, setting, err)
	}
	return listener, nil
}

// PeerAddress is where the node listens for other members.
func (d *Daemon) PeerAddress() string { return d.peerListener.Addr().String() }

// ClientAddress is where the node serves gRPC.
func (d *Daemon) ClientAddress() string { return d.clientListener.Addr().String() }

// HTTPAddress is where the node serves HTTP. Empty: nowhere.
func (d *Daemon) HTTPAddress() string {
	if d.httpListener == nil {
		return ""
	}
	return d.httpListener.Addr().String()
}

// advertised is what others are told.
func (d *Daemon) advertised() wire.Address {
	own := wire.Address{Client: d.config.AdvertiseClient, HTTP: d.config.AdvertiseHTTP}
	host, _, _ := net.SplitHostPort(d.config.Members[d.config.Member]) // validated
	set(&own.Client, reachable(d.ClientAddress(), host))
	set(&own.HTTP, reachable(d.HTTPAddress(), host))
	return own
}

// reachable is an address with another host when its own stands for all interfaces: others
// can't connect to that, but they do reach the member under the host of its peer address.
func reachable(address, host string) string {
	own, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(own); err != nil || ip == nil || !ip.IsUnspecified() {
		return address
	}
	return net.JoinHostPort(host, port)
}
