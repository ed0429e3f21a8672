// Package schedule says what goes wrong in a run, fault by fault, in a form that people read and edit.
//
// The simulator records one of every run, and runs one again to the same hash; a shrunken one is the smallest that still makes
// the same judge fire. The trials on real processes follow one too. The file is JSON, a line for each fault:
//
//	{
//	  "seed": 17,
//	  "profile": "default",
//	  "nodes": 5,
//	  "clients": 8,
//	  "duration": "1m0s",
//	  "oracle": "belief",
//	  "faults": [
//	    {"fault":"loss","place":"c4>s1","number":12,"at":"1.52s"},
//	    {"fault":"pause","number":1,"at":"2s","lasts":"3s","server":2},
//	    {"fault":"split","number":1,"at":"4s","lasts":"1s","cut":["s1>s2","s2>s1"]}
//	  ]
//	}
//
// The seed draws everything that the faults do not say: the load, the delays, the rates of clocks. Strike tells what the fields of
// a fault mean, and fault.go what each kind does.
//
// A file is read strictly (read.go, check.go). Somebody who misspells a field, or names a server that the world does not have, would
// otherwise replay another run than they meant, see it pass, and believe that a bug is gone.
//
// Shrink (shrink.go) takes faults away for as long as a run of what is left still fails: in order, the largest lots first (drop.go), and
// by luck, where the failure is a coincidence (bet.go).
//
// # What is absent
//
// How a fault is carried out is the business of who runs the schedule. Which profiles there are, and what they draw, too: the name of
// one is kept here, and not understood.
package schedule
