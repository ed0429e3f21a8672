package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"lockd/client"
	"lockd/fence"
)

// errTooLate says that somebody else holds the lock by now, and has used it.
var errTooLate = errors.New("too late: the store has seen a newer holder of the lock")

// worker appends a line to the document, under the lock.
func worker(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("worker", flag.ContinueOnError)
	endpoints := flags.String("endpoints", "127.0.0.1:7400,127.0.0.1:7410,127.0.0.1:7420", "where lockd serves")
	url := flags.String("store", "http://127.0.0.1:8080", "where the store serves")
	lock := flags.String("lock", "document", "the name of the lock")
	ttl := flags.Duration("ttl", 10*time.Second, "how long the lock outlives a worker that is gone")
	line := flags.String("line", "a line", "what to append")
	confirm := flags.Bool("confirm", false, "wait for Enter between reading and writing")
	if err := flags.Parse(arguments); err != nil {
		return errFlags
	}
	locks, err := client.New(strings.Split(*endpoints, ","))
	if err != nil {
		return err
	}
	defer locks.Close()
	session, err := locks.NewSession(ctx, *ttl)
	if err != nil {
		return err
	}
	defer session.Close(ctx)
	mutex := session.Mutex(*lock, client.WithValue(*line))
	if err := mutex.Lock(ctx); err != nil {
		return err
	}
	defer mutex.Unlock(ctx)
	fmt.Println("holding the lock under token", mutex.Token())
	return edit(ctx, mutex, shared{url: *url + "/document", token: mutex.Token()}, *line, *confirm)
}

// edit reads the document, appends a line and writes it back.
func edit(ctx context.Context, mutex *client.Mutex, document shared, line string, confirm bool) error {
	content, err := document.do(ctx, http.MethodGet, "")
	if err != nil {
		return err
	}
	if !mutex.Held() {
		return client.ErrLost
	}
	// The lock is held. But it may not be any more when the next line runs: a process can be stopped at any place, and for
	// as long as you like. With -confirm there is time to do so.
	fmt.Println("read the document; the lock is held")
	if confirm {
		fmt.Println("press Enter to write it")
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			return fmt.Errorf("wait for Enter: %w", err)
		}
	}
	if _, err := document.do(ctx, http.MethodPut, content+line+"\n"); err != nil {
		return err
	}
	fmt.Println("wrote the document; the lock is held:", mutex.Held())
	return nil
}

// shared is the document at the store, as the holder of a token sees it.
type shared struct {
	url   string
	token uint64
}

// do makes a request that carries the token. Reading does so too: from then on the store knows that there is a newer holder.
func (s shared) do(ctx context.Context, method, content string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.url, strings.NewReader(content))
	if err != nil {
		return "", err
	}
	request.Header.Set(fence.TokenHeader, strconv.FormatUint(s.token, 10))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return "", err
	case response.StatusCode == http.StatusPreconditionFailed:
		return "", fmt.Errorf("%w (%s: %s)", errTooLate, response.Status, strings.TrimSpace(string(body)))
	case response.StatusCode >= http.StatusBadRequest:
		return "", fmt.Errorf("%s %s: %s: %s", method, s.url, response.Status, strings.TrimSpace(string(body)))
	}
	return string(body), nil
}
