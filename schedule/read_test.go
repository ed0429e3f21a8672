package schedule

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const sample = `{
  "seed": 18446744073709551615,
  "profile": "default",
  "nodes": 5,
  "clients": 8,
  "duration": "1m0s",
  "oracle": "belief",
  "faults": [
    {"fault":"loss","place":"c4>s1","number":12,"at":"1.52s"},
    {"fault":"pause","number":1,"at":"2s","lasts":"3s","server":2},
    {"fault":"split","number":1,"at":"4s","lasts":"1s","cut":["s1>s2","s2>s1"]},
    {"fault":"clock-jump","number":3,"at":"5s","server":1,"amount":-1500000000}
  ]
}
`

func read(text string) (Schedule, error) { return Read(strings.NewReader(text)) }

func written(t require.TestingT, s Schedule) string {
	var text bytes.Buffer
	require.NoError(t, s.Write(&text))
	return text.String()
}

// The golden file: a line for each fault, and nothing escaped.
func TestFileIsAsPeopleReadIt(t *testing.T) {
	s, err := read(sample)
	require.NoError(t, err)
	require.Equal(t, Strike{Fault: Loss, Place: "c4>s1", Number: 12, At: Duration(1520 * time.Millisecond)}, s.Faults[0])
	require.Equal(t, sample, written(t, s))
	s.Faults = nil
	require.True(t, strings.HasSuffix(written(t, s), "\"faults\": []\n}\n"))
}

// What is wrong is named, with the fault that it is in.
func TestReadingIsStrict(t *testing.T) {
	const head = `{"seed":1,"profile":"p","nodes":3,"clients":2,"duration":"1s","faults":[{"fault":"kill","number":1,"at":"0s"},`
	for fault, want := range map[string]string{
		`{"fault":"kil","number":1,"at":"1s"}`:                  `fault 2: there is no fault "kil"`,
		`{"number":1,"at":"1s"}`:                                `fault 2: "fault" is missing`,
		`{"fault":"kill","at":"1s"}`:                            `fault 2: "number" is missing`,
		`{"fault":"kill","number":1}`:                           `fault 2: "at" is missing`,
		`{"fault":"kill","number":1,"at":null}`:                 `fault 2: "at" is missing`,
		`{"fault":"kill","number":0,"at":"1s"}`:                 `fault 2: kill: numbers begin at 1`,
		`{"fault":"kill","number":-1,"at":"1s"}`:                `fault 2: "number" can't be: number -1`,
		`{"fault":"kill","number":1,"at":"1s","serv":1}`:        `fault 2: unknown field "serv"`,
		`{"fault":"kill","number":1,"at":"1"}`:                  `fault 2: "1" is no duration`,
		`{"fault":"kill","number":1,"at":1}`:                    `fault 2: "at" can't be: number`,
		`{"fault":"kill","number":1,"at":"-1s"}`:                `fault 2: kill: no time is negative`,
		`{"fault":"kill","number":1,"at":"1s","server":4}`:      `fault 2: kill: server 4 of 3`,
		`{"fault":"kill","number":1,"at":"1s","client":3}`:      `fault 2: kill: client 3 of 2`,
		`{"fault":"kill","number":1,"at":"1s","place":"s1"}`:    `fault 2: kill: an attack has a server or a client, and no place`,
		`{"fault":"loss","number":1,"at":"1s"}`:                 `fault 2: loss: an accident says its place`,
		`{"fault":"loss","number":1,"at":"1s","place":"s1>s4"}`: `fault 2: loss: "s1>s4": server 4 of 3`,
		`{"fault":"loss","number":1,"at":"1s","place":"c1>c2"}`: `fault 2: loss: "c1>c2": there is no such link`,
		`{"fault":"loss","number":1,"at":"1s","place":"s1>s1"}`: `fault 2: loss: "s1>s1": there is no such link`,
		`{"fault":"loss","number":1,"at":"1s","place":"n1"}`:    `fault 2: loss: "n1" is no place`,
		`{"fault":"loss","number":1,"at":"1s","place":"s01"}`:   `fault 2: loss: "s01" is no place`,
		`{"fault":"split","number":1,"at":"1s","cut":["s1"]}`:   `fault 2: split: "s1" is no direction`,
		`{"fault":"split","number":1,"at":"1s","cut":["s1>"]}`:  `fault 2: split: "s1>" is no place`,
		`7`: `fault 2: `,
		`{"fault":"loss","number":1,"at":"1s","place":"s1"},{"fault":"loss","number":1,"at":"2s","place":"s1"}`: `fault 3: loss number 1 at s1 is fault 2 already`,
	} {
		_, err := read(head + fault + "]}")
		require.ErrorContains(t, err, "schedule: "+want, fault)
	}
}

func TestHeadIsStrict(t *testing.T) {
	fields := map[string]string{"seed": "1", "profile": `"p"`, "nodes": "3", "clients": "2", "duration": `"1s"`, "faults": "[]"}
	file := func(change, value string) string {
		var text []string
		for _, name := range []string{"seed", "profile", "nodes", "clients", "duration", "faults", "oracle", "extra"} {
			field, is := fields[name]
			if name == change {
				field, is = value, value != ""
			}
			if is {
				text = append(text, fmt.Sprintf("%q:%s", name, field))
			}
		}
		return "{" + strings.Join(text, ",") + "}"
	}
	_, err := read(file("", ""))
	require.NoError(t, err)
	for name := range fields {
		_, err := read(file(name, ""))
		require.ErrorContains(t, err, fmt.Sprintf("schedule: %q is missing", name))
	}
	for _, c := range [][3]string{
		{"seed", "-1", `"seed" can't be: number -1`}, {"profile", `""`, "names no profile"}, {"nodes", "0", "nodes is 1 to 9"}, {"nodes", "10", "nodes is 1 to 9"},
		{"clients", "0", "clients is 1 to 1000"}, {"clients", "1001", "clients is 1 to 1000"}, {"duration", `"0s"`, "duration is up to 1h0m0s"},
		{"duration", `"2h"`, "duration is up to 1h0m0s"}, {"extra", "1", `unknown field "extra"`}, {"faults", "{}", `"faults" can't be: object`},
	} {
		_, err := read(file(c[0], c[1]))
		require.ErrorContains(t, err, c[2])
	}
	for _, text := range []string{"", "[]", "{", file("", "") + "x"} {
		_, err := read(text)
		require.Error(t, err, "%q", text)
	}
}

// What is written is read back as it was, whatever it is.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		require.NoError(t, s.Check())
		again, err := read(written(t, s))
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}

func drawSchedule(t *rapid.T) Schedule {
	times := rapid.Int64Range(0, int64(time.Hour))
	s := Schedule{
		Seed: rapid.Uint64().Draw(t, "seed"), Profile: rapid.StringN(1, 10, -1).Draw(t, "profile"), Nodes: rapid.IntRange(2, MaxNodes).Draw(t, "nodes"),
		Clients: rapid.IntRange(1, MaxClients).Draw(t, "clients"), Duration: Duration(rapid.Int64Range(1, int64(MaxDuration)).Draw(t, "duration")),
		Oracle: rapid.SampledFrom([]string{"", "belief", "liveness"}).Draw(t, "oracle"), Faults: []Strike{},
	}
	direction := rapid.Custom(func(t *rapid.T) string {
		server := rapid.IntRange(1, s.Nodes).Draw(t, "server")
		client := rapid.IntRange(1, s.Clients).Draw(t, "client")
		return rapid.SampledFrom([]string{
			fmt.Sprintf("s%d>s%d", server, server%s.Nodes+1), fmt.Sprintf("s%d>c%d", server, client), fmt.Sprintf("c%d>s%d", client, server),
		}).Draw(t, "direction")
	})
	for i := range rapid.IntRange(0, 20).Draw(t, "faults") {
		strike := Strike{
			Fault: Fault(rapid.IntRange(0, int(Faults)-1).Draw(t, "fault")), Number: uint64(i + 1), At: Duration(times.Draw(t, "at")),
			Lasts: Duration(times.Draw(t, "lasts")), Amount: rapid.Int64().Draw(t, "amount"),
		}
		if strike.Fault.Accident() {
			strike.Place = direction.Draw(t, "place")
		} else {
			strike.Server, strike.Client = rapid.IntRange(0, s.Nodes).Draw(t, "server"), rapid.IntRange(0, s.Clients).Draw(t, "client")
		}
		if cut := rapid.SliceOfN(direction, 0, 4).Draw(t, "cut"); len(cut) > 0 {
			strike.Cut = cut
		}
		s.Faults = append(s.Faults, strike)
	}
	return s
}

// Whatever a file holds, reading it ends in an error or in a schedule that is written and read as the same one.
func FuzzRead(f *testing.F) {
	f.Add(sample)
	f.Add(`{"seed":1,"profile":"p","nodes":1,"clients":1,"duration":"1s","faults":[{"fault":"drift","number":1,"at":"0s"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := read(text)
		if err != nil {
			return
		}
		again, err := read(written(t, s))
		require.NoError(t, err)
		require.Equal(t, s.digest(), again.digest())
	})
}

func TestFaultsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for f := range Faults {
		name, err := f.MarshalText()
		require.NoError(t, err)
		require.Regexp(t, `^[a-z]+(-[a-z]+)*$`, string(name))
		require.False(t, seen[string(name)], "two faults are called %s", name)
		seen[string(name)] = true
		back, err := Named(string(name))
		require.NoError(t, err)
		require.Equal(t, f, back)
	}
	_, err := Faults.MarshalText()
	require.Error(t, err)
}

// Accidents are written with their place; of attacks only one may have one.
func TestAccidentsAndAttacks(t *testing.T) {
	count := 0
	for f := range Faults {
		if f.Accident() {
			count++
		}
	}
	require.Equal(t, 14, count)
	require.True(t, Stray.Accident())
	require.False(t, MidWrite.Accident())
	_, err := read(`{"seed":1,"profile":"p","nodes":1,"clients":1,"duration":"1s","faults":[{"fault":"mid-write","place":"s1","number":1,"at":"1s"}]}`)
	require.NoError(t, err)
}
