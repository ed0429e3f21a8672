// Package impure breaks every rule for pure packages once, so that a test can see each of them noticed.
package impure

import (
	"maps"
	"math/rand/v2"
	"os"
	"time"
)

func everything(m map[string]int, c chan int) (float64, string) {
	go func() {}()
	select {
	case c <- 1:
	case <-c:
	}
	half := 0.5
	for range m {
		half *= 2
		half = half * float64(rand.Int())
	}
	for key := range maps.Keys(m) {
		return half, key
	}
	return half, os.Getenv("HOME") + time.Now().String()
}

var _ = everything
