package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lockd/client"
	"lockd/fence"
)

// pauseTTL is that of the holder that is stopped.
const pauseTTL = 2 * time.Second

// PauseReport is what Pause saw.
type PauseReport struct {
	Runs int
	// Told are the times from the moment at which the holder was continued to the end of its lock's context, shortest first.
	Told []time.Duration
	// Violations are sentences about a holder that believed it still held, or whose late write was accepted.
	Violations []string
}

// Awakening is what a holder that was stopped found when it ran again.
type Awakening struct {
	Held   bool          // what its first look said
	Told   time.Duration // when its context ended, on the machine's monotonic clock
	Status int           // what the guard answered to its late write
}

// Pause stops a process that holds a lock for longer than its TTL (SIGSTOP), lets somebody else take the lock and
// write, and continues it (SIGCONT). holder is the command line of a process that calls RunHolder.
func Pause(ctx context.Context, c *Cluster, runs int, holder []string, progress io.Writer) (PauseReport, error) {
	report := PauseReport{Runs: runs}
	next, err := client.New(c.Endpoints())
	if err != nil {
		return report, err
	}
	defer next.Close() //nolint:errcheck // nothing is held any more
	guard := fence.New()
	resource := httptest.NewServer(guard.Handler(func(r *http.Request) string { return r.URL.Path }, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	defer resource.Close()
	for run := range runs {
		name := fmt.Sprintf("pause/%d", run)
		arguments := append(slices.Clone(holder), strings.Join(c.Endpoints(), ","), name, resource.URL+"/"+name)
		told, violation, err := pauseOnce(ctx, next, arguments, name, resource.URL+"/"+name)
		if err != nil {
			return report, fmt.Errorf("run %d: %w", run+1, err)
		}
		if violation != "" {
			report.Violations = append(report.Violations, fmt.Sprintf("run %d: %s", run+1, violation))
		}
		report.Told = append(report.Told, told)
		fmt.Fprintf(progress, "\r%d of %d runs ", run+1, runs)
	}
	fmt.Fprintln(progress)
	slices.Sort(report.Told)
	return report, nil
}

func pauseOnce(ctx context.Context, next *client.Client, arguments []string, name, resource string) (time.Duration, string, error) {
	holder := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	output, err := holder.StdoutPipe()
	if err != nil {
		return 0, "", err
	}
	if err := holder.Start(); err != nil {
		return 0, "", err
	}
	defer holder.Wait()         //nolint:errcheck // what it found, it printed
	defer holder.Process.Kill() //nolint:errcheck // it may have ended
	lines := bufio.NewReader(output)
	if line, err := lines.ReadString('\n'); err != nil {
		return 0, "", fmt.Errorf("the holder never held: %q, %w", line, err)
	}
	if err := holder.Process.Signal(syscall.SIGSTOP); err != nil {
		return 0, "", err
	}
	if err := takeOver(ctx, next, name, resource); err != nil {
		return 0, "", err
	}
	continued := monotonic()
	if err := holder.Process.Signal(syscall.SIGCONT); err != nil {
		return 0, "", err
	}
	var woke Awakening
	if err := json.NewDecoder(lines).Decode(&woke); err != nil {
		return 0, "", fmt.Errorf("what the holder found: %w", err)
	}
	switch {
	case woke.Held:
		return 0, "the holder's first look said that it still holds the lock", nil
	case woke.Status != http.StatusPreconditionFailed:
		return 0, fmt.Sprintf("the guard answered %d to the late write", woke.Status), nil
	}
	return woke.Told - continued, "", nil
}

// takeOver waits for the lock of a holder that was stopped, and writes to the resource under its own token.
func takeOver(ctx context.Context, next *client.Client, name, resource string) error {
	session, err := next.NewSession(ctx, sessionTTL)
	if err != nil {
		return err
	}
	defer session.Close(ctx) //nolint:errcheck // it ends by itself
	mutex := session.Mutex(name)
	if err := mutex.Lock(ctx); err != nil {
		return err
	}
	status, err := write(ctx, resource, mutex.Token())
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the guard answered %d to the rightful holder", status)
	}
	return err
}

// RunHolder is the process that is stopped: it grabs a lock, says so in a line, and waits for its context to end. Then it tells what it
// found: it looks whether it holds the lock before anything else.
func RunHolder(ctx context.Context, endpoints, name, resource string, output io.Writer) error {
	c, err := client.New(strings.Split(endpoints, ","))
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // what it held is lost
	session, err := c.NewSession(ctx, pauseTTL)
	if err != nil {
		return err
	}
	mutex := session.Mutex(name)
	if err := mutex.Lock(ctx); err != nil {
		return err
	}
	if status, err := write(ctx, resource, mutex.Token()); err != nil || status != http.StatusOK {
		return fmt.Errorf("the first write: status %d: %w", status, err)
	}
	last := monotonic() // before the line, because the process may be stopped right after it
	fmt.Fprintln(output, "holding")
	firstLook := make(chan bool, 1)
	go func() { firstLook <- lookAfterPause(mutex, last) }()
	select {
	case <-mutex.Context().Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	woke := Awakening{Told: monotonic(), Held: <-firstLook}
	if cause := context.Cause(mutex.Context()); !errors.Is(cause, client.ErrLost) {
		return fmt.Errorf("the context ended because %w", cause)
	}
	if woke.Status, err = write(ctx, resource, mutex.Token()); err != nil {
		return err
	}
	return json.NewEncoder(output).Encode(woke)
}

// lookAfterPause watches the clock until it jumps, and then looks whether the lock is held.
func lookAfterPause(mutex *client.Mutex, last time.Duration) bool {
	for {
		now := monotonic()
		if now-last > pauseTTL/2 {
			return mutex.Held()
		}
		last = now
		time.Sleep(100 * time.Microsecond)
	}
}

// write is an operation on the resource, under a token.
func write(ctx context.Context, resource string, token uint64) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, resource, strings.NewReader("changed"))
	if err != nil {
		return 0, err
	}
	request.Header.Set(fence.TokenHeader, strconv.FormatUint(token, 10))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// monotonic is the machine's monotonic clock: the same in all of its processes.
func monotonic() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err) // there is no system without it
	}
	return time.Duration(now.Nano())
}
