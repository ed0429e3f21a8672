package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// table is the published list of mutants, by name: a Markdown file that people read, and with which later hunts are compared.
type table map[string]row

// row is a line of it.
type row struct {
	name, home, bug, judge string
	seeds                  uint64
	cpu                    float64 // seconds; zero when it was not caught
	faults                 string
}

const tableHead = `# Mutants

Known bugs, put into the service one at a time, and who finds them. Each is a patch in [mutants/](../mutants), which names where the bug has been seen
in the field. A row tells the judge that fired first, after how many seeds and how much processor time (the median over several base seeds, on
one processor; no seed at all where all states of a few nodes were explored), and how many of the run's faults the shrunken schedule still has, if it was asked for. This
file is written by a command:

    go run ./cmd/chaos mutants --bases 5 --shrink --markdown docs/mutants.md

| mutant | package | the bug | caught by | seeds | CPU s | faults left |
|---|---|---|---|---:|---:|---|
`

// readTable reads a published table.
func readTable(name string) (table, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	t := table{}
	for number, line := range strings.Split(string(content), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 9 || strings.HasPrefix(line, "|---") || strings.TrimSpace(cells[1]) == "mutant" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		r := row{name: cells[1], home: cells[2], bug: cells[3], judge: cells[4], faults: cells[7]}
		var err, err2 error
		r.seeds, err = strconv.ParseUint(cells[5], 10, 64)
		r.cpu, err2 = strconv.ParseFloat(cells[6], 64)
		if err := errors.Join(err, err2); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", name, number+1, err)
		}
		t[r.name] = r
	}
	return t, nil
}

// write writes the table, package by package.
func (t table) write(name string) error {
	var rows []row
	for _, r := range t {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.home, b.home), cmp.Compare(a.name, b.name)) })
	var text bytes.Buffer
	text.WriteString(tableHead)
	for _, r := range rows {
		bug := strings.ReplaceAll(r.bug, "|", "or") // it would end the cell
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %d | %.2f | %s |\n", r.name, r.home, bug, r.judge, r.seeds, r.cpu, r.faults)
	}
	return os.WriteFile(name, text.Bytes(), 0o644)
}

// publish writes what was found into the table.
func (x *matrix) publish(found []prey) error {
	t := table{}
	if x.only != "" {
		old, err := readTable(x.markdown)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		t = old
		if t == nil {
			t = table{}
		}
	}
	for _, p := range found {
		if p.err != nil {
			continue
		}
		c := p.median()
		r := row{name: p.mutant.name, home: p.mutant.home(), bug: p.mutant.why[0], judge: p.judge(), seeds: c.seeds, faults: p.faults()}
		if p.caught() {
			r.cpu = c.cpu
		}
		t[r.name] = r
	}
	return t.write(x.markdown)
}
