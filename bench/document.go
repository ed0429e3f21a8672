package main

import (
	"context"
	"errors"
	"flag"

	"lockd/bench/report"
)

// document writes docs/benchmarks.md from reports.
func document(_ context.Context, arguments []string) error {
	flags := flag.NewFlagSet("bench document", flag.ContinueOnError)
	folder := flags.String("to", "../docs", "`directory` for benchmarks.md and its plots")
	story := flags.String("story", "profiles.md", "`file` of Markdown, written by hand, that is put at the end if it exists")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("document: name the files that --json has written: locks.json raft.json growth.json")
	}
	var reports []*report.Report
	for _, file := range flags.Args() {
		r, err := report.Read(file)
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	return report.Document(*folder, *story, reports)
}
