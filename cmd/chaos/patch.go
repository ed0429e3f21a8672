package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// mutant is a bug that can be put into the service, as a unified diff:
//
//	# why the bug is plausible, and who had it
//	# oracle: election-safety, durability   the judges that may be the first to find it
//	# run: --profile default --twice        how to look for it, if not in swarms of seeds; optional
//	# explore: --terms 4                    look for it by chaos explore instead, within these bounds; optional
//	--- a/raft/disk.go
//	+++ b/raft/disk.go
//	@@ -46,7 +46,7 @@
//	 ...
//
// A hunk is applied where its old lines stand, and they must stand in exactly one place: line numbers are for people.
type mutant struct {
	name    string
	why     []string
	oracles []string
	command string   // of chaos that looks for it: run or explore
	flags   []string // of that command
	files   []fileChange
}

type fileChange struct {
	path  string // from the module's root
	hunks []hunk
}

type hunk struct{ before, after string }

// judges is how the line begins that names them.
const judges = "oracle: "

// home is the package that the mutant is in.
func (m mutant) home() string { return path.Dir(m.files[0].path) }

// readMutants reads the patches of a folder, or those with these names, with commas between; a name may be a pattern.
func readMutants(folder, only string) ([]mutant, error) {
	pattern := []string{"*"}
	if only != "" {
		pattern = strings.Split(only, ",")
	}
	var mutants []mutant
	for _, name := range pattern {
		paths, err := filepath.Glob(filepath.Join(folder, name+".patch"))
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("no patch %q in %s", name, folder)
		}
		for _, path := range paths {
			m, err := readMutant(path)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			mutants = append(mutants, m)
		}
	}
	return mutants, nil
}

func readMutant(path string) (mutant, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return mutant{}, err
	}
	return parseMutant(strings.TrimSuffix(filepath.Base(path), ".patch"), string(text))
}

func parseMutant(name, text string) (mutant, error) {
	m := mutant{name: name, command: "run"}
	var current *hunk
	for number, line := range strings.SplitAfter(text, "\n") {
		mark, rest := "", ""
		if line != "" {
			mark, rest = line[:1], line[1:]
		}
		switch {
		case len(m.files) == 0 && mark == "#":
			m.explain(strings.TrimSpace(rest))
		case strings.HasPrefix(line, "--- "), line == "", strings.HasPrefix(line, "\\ "):
		case strings.HasPrefix(line, "+++ "):
			path := strings.TrimPrefix(strings.TrimSpace(line[4:]), "b/")
			m.files = append(m.files, fileChange{path: path})
			current = nil
		case strings.HasPrefix(line, "@@") && len(m.files) > 0:
			file := &m.files[len(m.files)-1]
			file.hunks = append(file.hunks, hunk{})
			current = &file.hunks[len(file.hunks)-1]
		case current != nil && current.add(mark, rest):
		default:
			return m, fmt.Errorf("line %s is no part of a unified diff", strconv.Itoa(number+1))
		}
	}
	if len(m.why) == 0 || len(m.oracles) == 0 || len(m.files) == 0 {
		return m, fmt.Errorf("a patch says why, and who finds it, behind #, and changes a file")
	}
	return m, nil
}

// explain takes a line of what a patch says of itself.
func (m *mutant) explain(line string) {
	if names, is := strings.CutPrefix(line, judges); is {
		m.oracles = strings.Split(names, ", ")
		return
	}
	for _, command := range []string{"run", "explore"} {
		if words, is := strings.CutPrefix(line, command+": "); is {
			m.command, m.flags = command, strings.Fields(words)
			return
		}
	}
	m.why = append(m.why, line)
}

// add takes a line of the hunk, and says whether it is one. Editors make an empty line of a space.
func (h *hunk) add(mark, rest string) bool {
	switch mark {
	case " ":
		h.before += rest
		h.after += rest
	case "\n":
		h.before += "\n"
		h.after += "\n"
	case "-":
		h.before += rest
	case "+":
		h.after += rest
	default:
		return false
	}
	return true
}

// apply returns the content of a file with the changes made.
func (f fileChange) apply(content string) (string, error) {
	for i, h := range f.hunks {
		if places := strings.Count(content, h.before); places != 1 {
			return "", fmt.Errorf("hunk %d of %s stands in %d places instead of one: the patch is out of date", i+1, f.path, places)
		}
		content = strings.Replace(content, h.before, h.after, 1)
	}
	return content, nil
}
