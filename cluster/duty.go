package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"lockd/client"
)

// crewMark is set in the environment of a crew's process, for programs that have no other way to tell.
const crewMark = "LOCKD_TRIAL_CREW"

// duty is a crew, inside of its process.
type duty struct {
	orders  orders
	client  *client.Client // all clients of the crew share its connections
	visitor *visitor
	healed  chan struct{} // closed when all faults are over

	numbers atomic.Uint64 // of acts
	mutex   sync.Mutex    // of the output: a word is one write
	output  io.Writer
}

// RunCrew is a process with some of a trial's clients. It takes its orders from the input, tells on the output what its clients do and are
// told, and returns when all of them were served in the healed world, or nobody listens to it any more.
func RunCrew(ctx context.Context, input io.Reader, output io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	lines := bufio.NewReader(input)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("a crew without orders: %w", err)
	}
	d := &duty{output: output, healed: make(chan struct{})}
	if err := json.Unmarshal(first, &d.orders); err != nil {
		return fmt.Errorf("a crew's orders: %w", err)
	}
	d.visitor = newVisitor(d.orders.Resource)
	if d.client, err = client.New(d.orders.Endpoints, client.WithDialOptions(grpc.WithContextDialer(d.dial))); err != nil {
		return err
	}
	go func() {
		if _, err := lines.ReadBytes('\n'); err == nil {
			close(d.healed)
			_, _ = lines.ReadBytes('\n') // which never comes
		}
		stop()
	}()
	var working sync.WaitGroup
	for _, number := range d.orders.Clients {
		working.Go(func() { d.worker(number).live(ctx) })
	}
	working.Wait()
	return d.client.Close()
}

// dial finds a member through the crew's own proxy. The client knows the member by its true address, so that it
// can follow hints to leaders.
func (d *duty) dial(ctx context.Context, address string) (net.Conn, error) {
	at := slices.Index(d.orders.Endpoints, address)
	if at < 0 {
		return nil, fmt.Errorf("%s is no member", address)
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", d.orders.Proxies[at])
}

// tell writes one word.
func (d *duty) tell(w word) {
	line, err := json.Marshal(w)
	if err != nil {
		panic("cluster: a word is written: " + err.Error()) // it has no field that can't be
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	_, _ = d.output.Write(append(line, '\n')) // if nobody listens, the input has ended as well
}

// begin tells of an act before anything of it can have an effect: whoever is killed in the middle of it has told of it.
func (d *duty) begin(a act) act {
	a.Number = d.numbers.Add(1)
	a.Called = monotonic()
	d.tell(word{Act: &a})
	return a
}

func (d *duty) end(a act) {
	a.Returned = monotonic()
	d.tell(word{Act: &a})
}
