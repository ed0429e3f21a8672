package linearizability

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is written is read again, event for event.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(200) {
		h := randomHistory(seeded(seed), 5, 3, 60)
		answered := slices.IndexFunc(h.Operations, func(o Operation) bool { return o.Return != Never })
		h.Operations[answered].Revision = seed
		var file bytes.Buffer
		require.NoError(t, Encode(&file, &h))
		again, err := Decode(&file)
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(closeRanks(h), *again), "seed %d", seed)
	}
}

// closeRanks numbers the events of a history without gaps, as its file does.
func closeRanks(h History) History {
	numbers := map[uint64]uint64{}
	for event, next := uint64(0), uint64(1); len(numbers) < 2*len(h.Operations) && event < 10_000; event++ {
		for _, o := range h.Operations {
			if o.Call == event || o.Return == event {
				numbers[event] = next
				next++
			}
		}
	}
	for i := range h.Operations {
		o := &h.Operations[i]
		o.Call = numbers[o.Call]
		if o.Return != Never {
			o.Return = numbers[o.Return]
		}
	}
	return h
}

const header = `{"history":"lock-history","version":1,"drift_ppm":1000,"slack_ns":0}` + "\n"

// A file that is wrong says where and how.
func TestErrorsNameTheLine(t *testing.T) {
	call := `{"event":"call","operation":1,"at_ns":5,"client":3,"kind":"acquire","lock":"a"}` + "\n"
	for _, wrong := range []struct{ text, message string }{
		{"", "line 1: a history begins with a header"},
		{call, "line 1: it is not what it should be"},
		{strings.Replace(header, "1", "2", 1), "line 1: version 2 is not known"},
		{strings.Replace(header, "1000", "1000000", 1), "line 1: a drift of 1000000"},
		{header + "nonsense\n", "line 2: it is not what it should be"},
		{header + "{} {}\n", "line 2: something stands behind the object"},
		{header + `{"event":"call","colour":"blue"}`, `line 2: it is not what it should be: json: unknown field "colour"`},
		{header + `{"event":"happening"}`, "line 2: an event is a call or a return"},
		{header + call + call, "line 3: operation 1 is called twice"},
		{header + call + `{"event":"return","operation":1,"at_ns":4,"outcome":"done"}`, "line 3: it is at 4 ns, after one at 5 ns"},
		{header + call + `{"event":"return","operation":2,"at_ns":6,"outcome":"done"}`, "line 3: operation 2 was not called"},
		{header + call + `{"event":"return","operation":1,"at_ns":6,"outcome":"fine"}`, `line 3: there is no outcome "fine"`},
		{header + call + `{"event":"return","operation":1,"at_ns":6,"outcome":"done"}`, "line 3: an acquire that is done tells its token"},
		{header + strings.Replace(call, "acquire", "grab", 1), `line 2: there is no kind "grab"`},
		{header + strings.Replace(call, `,"lock":"a"`, "", 1), "line 2: a call of acquire names its lock"},
		{header + strings.Replace(call, "acquire", "close", 1), "line 2: a call of close names its session"},
		{header + strings.Replace(call, `"lock"`, `"token":1,"lock"`, 1), "line 2: a call of acquire can't know its answer"},
	} {
		_, err := Decode(strings.NewReader(wrong.text))
		require.ErrorContains(t, err, wrong.message, "%s", wrong.text)
	}
}

// Whatever a file says, reading it ends in an error or in a history that can be judged, written and read again.
//
// Run it with -fuzzminimizetime 10x. Go tries to leave out every stretch of a text that reaches something new before it goes on
// to the next, which are millions of tries for a text of two thousand bytes: it looks as if it hung for a minute each time.
func FuzzDecode(f *testing.F) {
	for seed := range uint64(20) {
		h := randomHistory(seeded(seed), 2, 1, 4)
		var file bytes.Buffer
		require.NoError(f, Encode(&file, &h))
		f.Add(file.Bytes())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := Decode(bytes.NewReader(text))
		if err != nil {
			return
		}
		verdict := Judge(h, 1000)
		require.True(t, verdict.Violation == nil || verdict.Violation.Oracle != JudgesDisagree, "%+v", verdict.Violation)
		var file bytes.Buffer
		require.NoError(t, Encode(&file, h))
		again, err := Decode(&file)
		require.NoError(t, err)
		require.Equal(t, h, again)
	})
}

// Digits that a disk has changed are noticed, or change what the history says; the judges live with it.
func TestDamagedFiles(t *testing.T) {
	judged := 0
	for seed := range uint64(2000) {
		pick := seeded(seed)
		h := randomHistory(pick, 3, 2, 12)
		var file bytes.Buffer
		require.NoError(t, Encode(&file, &h))
		text := file.Bytes()
		for at := pick(len(text)); at < len(text); at++ {
			if '0' <= text[at] && text[at] <= '9' {
				text[at] = "0123456789"[pick(10)]
				break
			}
		}
		damaged, err := Decode(bytes.NewReader(text))
		if err != nil {
			continue
		}
		judged++
		verdict := Judge(damaged, plenty)
		require.True(t, verdict.Violation == nil || verdict.Violation.Oracle != JudgesDisagree, "seed %d: %+v", seed, verdict.Violation)
	}
	require.Greater(t, judged, 200)
}
