package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"time"

	"lockd/client"
	"lockd/fence"
)

// A worker takes a lock, works while it holds it, and shows its token to the resource.
func Example() {
	c, err := client.New([]string{"127.0.0.1:7400", "127.0.0.1:7410", "127.0.0.1:7420"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	session, err := c.NewSession(ctx, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close(ctx)

	mutex := session.Mutex("video/17")
	if err := mutex.Lock(ctx); err != nil {
		log.Fatal(err)
	}
	defer mutex.Unlock(ctx)

	request, err := http.NewRequestWithContext(mutex.Context(), http.MethodPut, "http://store/video/17", nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set(fence.TokenHeader, strconv.FormatUint(mutex.Token(), 10))
	_, err = http.DefaultClient.Do(request)
	if errors.Is(context.Cause(mutex.Context()), client.ErrLost) {
		fmt.Println("the lock was lost on the way:", err)
	}
}

// Only one of many workers is to do a job, and the others have better things to do than to wait.
func ExampleMutex_TryLock() {
	try := func(ctx context.Context, session *client.Session) error {
		mutex := session.Mutex("nightly-report")
		err := mutex.TryLock(ctx)
		if errors.Is(err, client.ErrBusy) {
			return nil // somebody is at it
		}
		if err != nil {
			return err
		}
		defer mutex.Unlock(ctx)
		return report(mutex.Context())
	}
	_ = try
}

func report(context.Context) error { return nil }
