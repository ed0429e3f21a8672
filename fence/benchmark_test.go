package fence

import (
	"fmt"
	"testing"
)

// BenchmarkEqualToken is what each operation of a holder but the first costs.
func BenchmarkEqualToken(b *testing.B) {
	guard := New()
	b.ReportAllocs()
	for b.Loop() {
		if err := guard.Do(b.Context(), "document", 34, nothing); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRaise is what the first operation of each grant costs a durable guard.
func BenchmarkRaise(b *testing.B) {
	guard, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer guard.Close()
	b.ReportAllocs()
	for token := Token(1); b.Loop(); token++ {
		if err := present(guard, "document", token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNewResource is what a resource costs in memory (look at B/op).
func BenchmarkNewResource(b *testing.B) {
	guard := New()
	names := make([]string, b.N)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, name := range names {
		if err := present(guard, name, 1); err != nil {
			b.Fatal(err)
		}
	}
}
