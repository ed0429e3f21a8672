package main

import (
	"encoding/xml"
	"fmt"
	"io"
)

// The JUnit file has one suite: a case for the worlds of each profile that passed, and one for each failure. So a dashboard counts
// dozens of cases, and not millions.

type suite struct {
	XMLName  xml.Name   `xml:"testsuite"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Time     string     `xml:"time,attr"`
	Cases    []testCase `xml:"testcase"`
	Output   string     `xml:"system-out"`
}

type testCase struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	Failure *complaint `xml:"failure"`
	Error   *complaint `xml:"error"` // nothing is known, or the simulator failed
}

type complaint struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (r result) writeJUnit(out io.Writer) error {
	s := suite{Name: "chaos run", Time: fmt.Sprintf("%.3f", r.wall.Seconds()), Output: r.campaign.line()}
	for _, p := range r.profiles {
		name := fmt.Sprintf("%d of %d seeds from %d to %d passed", p.passed, p.seeds, p.first, p.last)
		s.Cases = append(s.Cases, testCase{Class: "chaos." + p.name, Name: name})
	}
	for _, f := range r.failures {
		s.add(f)
	}
	s.Tests = len(s.Cases)
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}

func (s *suite) add(f failure) {
	c := testCase{Class: "chaos." + f.Profile, Name: fmt.Sprintf("seed %d", f.Seed)}
	if f.Campaign {
		c = testCase{Class: "chaos.campaign", Name: f.Message}
	}
	what := &complaint{Type: f.Oracle, Message: f.Message, Text: f.Command}
	if f.code == exitUnknown || f.code == exitHarness {
		c.Error = what
		s.Errors++
	} else {
		c.Failure = what
		s.Failures++
	}
	s.Cases = append(s.Cases, c)
}
