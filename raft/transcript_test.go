package raft

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the transcripts in testdata anew; read the diff before you commit it")

// TestTranscripts plays the stories in testdata. Lines that begin with "#" are for the reader, those that
// begin with ">" tell the stage what to do, all others were written by the stage. Times are virtual
// milliseconds; i/t is the entry at index i of term t. Entry 1 is the snapshot that formed the cluster.
//
//	> cluster 3 110 150 190     three members, and how long they wait at first
//	> member 2 term=3 vote=1 log=1,1,2:x     begins with this disk instead: the term of each entry, and its data
//	> node 4 150 9            a node that is not of the cluster, with an empty disk; its incarnation, if it is not its number
//	> change 1 +4 ^5 -3       asks member 1 to add, promote and remove nodes; +4'9 is node 4 of incarnation 9
//	> appends 1                 so many bytes of entry data fit into an Append, at every member that starts from now on
//	> patience 2 130 170        what member 2 draws next: at a start, poll, campaign, vote or step down
//	> disk 1 80                 its disk takes so long for a record
//	> latency 2 1 60            messages from 2 to 1 take so long
//	> cut 1 2                   from 1 to 2 nothing arrives any more
//	> isolate 3, > heal         cut it off from all others; mend all cuts
//	> lose 1 2 Chunk            the next message of that type from 1 to 2 is lost
//	> run 150, > skip 150       until that time; without words about what is told elsewhere
//	> propose 1 x, > read 1 7, > lease 1 8 (a read by lease), > transfer 1 3, > snapshot 1 words
//	> unreachable 1 3, > closed 2 1 (member 2 hears that 1 closed its connection), > crash 1, > restart 1
//	> damage 1 5 6            the disk of 1, which is down, loses entries 5 to 6 and keeps those behind them
//	> lapse 1 2                 the disk of 1, which is down, has lost the last record, and all that can be read is of term 2 and without a vote
//	> logs                      every member's log, by terms
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			stored, err := os.ReadFile(file)
			require.NoError(t, err)
			played := play(t, string(stored))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(played), 0o644))
				return
			}
			require.True(t, strings.HasPrefix(played, "# "), "a story says first why it is told")
			require.Equal(t, string(stored), played)
		})
	}
}

// play follows a script, and returns it with what happened after each line.
func play(t *testing.T, script string) string {
	var s *stage
	var text strings.Builder
	told := false // something was written since the last line of the script
	for _, line := range strings.Split(script, "\n") {
		command, isCommand := strings.CutPrefix(line, "> ")
		isComment := strings.HasPrefix(line, "#")
		if told && (isCommand || isComment) {
			text.WriteString("\n")
			told = false
		}
		if isCommand || isComment {
			text.WriteString(line + "\n")
		}
		if isCommand {
			s = s.obey(t, strings.Fields(command))
			for _, happened := range s.lines {
				text.WriteString(happened + "\n")
				told = true
			}
			s.lines = nil
		}
	}
	return text.String()
}

// obey does what one line of a script says.
func (s *stage) obey(t *testing.T, words []string) *stage {
	verb, args := words[0], words[1:]
	number := func(i int) int {
		n, err := strconv.Atoi(args[i])
		require.NoError(t, err, "%v", words)
		return n
	}
	id := func(i int) ID { return ID(number(i)) }
	span := func(i int) time.Duration { return time.Duration(number(i)) * time.Millisecond }
	switch verb {
	case "cluster":
		s = newStage(t, number(0))
		for i, a := range s.actors {
			a.draws.want(span(1 + i))
			s.start(a)
		}
	case "appends":
		s.tuning.MaxAppendBytes = number(0)
	case "node":
		s.appear(id(0), span(1), append(args[2:], args[0])[0])
	case "member":
		s.recast(s.actor(id(0)), args[1:])
	case "patience":
		for i := range args[1:] {
			s.actor(id(0)).draws.want(span(1 + i))
		}
	case "disk":
		s.actor(id(0)).delay = span(1)
	case "latency":
		s.latency[link{id(0), id(1)}] = span(2)
	case "cut":
		s.blocked[link{id(0), id(1)}] = true
	case "isolate":
		for _, a := range s.actors {
			s.blocked[link{id(0), a.id}], s.blocked[link{a.id, id(0)}] = true, true
		}
	case "heal":
		clear(s.blocked)
	case "lose":
		over := link{id(0), id(1)}
		s.doomed[over] = append(s.doomed[over], args[2])
	case "run":
		s.run(span(0))
	case "skip":
		s.run(span(0))
		s.lines = nil
	case "crash":
		s.crash(s.actor(id(0)))
	case "restart":
		s.start(s.actor(id(0)))
	case "damage":
		s.actor(id(0)).durable.damage(Index(number(1)), Index(number(2)))
	case "lapse":
		d := &s.actor(id(0)).durable
		d.Term, d.Vote, d.Damage = Term(number(1)), 0, &Damage{Doubt: true}
	case "logs":
		s.tellLogs()
	default:
		s.ask(t, s.actor(id(0)), verb, strings.Join(args[1:], " "))
	}
	return s
}

// ask puts a request to one member, and says what it answered.
func (s *stage) ask(t *testing.T, a *actor, verb, object string) {
	number, _ := strconv.Atoi(object)
	var err error
	switch verb {
	case "propose":
		_, err = a.node.Propose(s.now, []byte(object))
	case "read":
		err = a.node.Read(s.now, uint64(number), ByRound)
	case "lease":
		err = a.node.Read(s.now, uint64(number), ByLease)
	case "closed":
		a.node.Step(s.now, Closed{ID(number)})
	case "change":
		_, err = a.node.Reconfigure(s.now, parseChange(object))
	case "transfer":
		err = a.node.Transfer(s.now, ID(number))
	case "unreachable":
		a.node.Step(s.now, Unreachable{ID(number)})
	case "snapshot":
		snapshot := a.node.SnapshotAt(a.node.commit)
		snapshot.Data = []byte(object)
		a.durable.Entries = slices.DeleteFunc(slices.Clone(a.durable.Entries), func(e Entry) bool { return e.Index <= snapshot.Index })
		a.durable.Snapshot = snapshot
		a.node.Step(s.now, Snapshotted{snapshot})
	default:
		t.Fatalf("what is %q?", verb)
	}
	if err != nil {
		s.tell("%d refuses: %v", a.id, err)
	}
	s.drain(a)
}

// appear brings a node on stage whose directory was made just now, in place of one that had the same number.
func (s *stage) appear(id ID, patience time.Duration, incarnation string) {
	a := &actor{id: id, delay: 2 * time.Millisecond}
	a.incarnation, _ = strconv.ParseUint(incarnation, 10, 64)
	a.draws.random = *rand.NewPCG(uint64(id), a.incarnation)
	a.draws.want(patience)
	if int(id) > len(s.actors) {
		s.actors = append(s.actors, a)
	} else {
		s.actors[id-1] = a
	}
	s.start(a)
}

// parseChange reads +4'9 (add node 4 of incarnation 9), ^4 (promote it) and -4 (remove it).
func parseChange(text string) (change Change) {
	for _, word := range strings.Fields(text) {
		name, incarnation, named := strings.Cut(word[1:], "'")
		number, _ := strconv.Atoi(name)
		member := Member{ID: ID(number), Incarnation: uint64(number)}
		if named {
			member.Incarnation, _ = strconv.ParseUint(incarnation, 10, 64)
		}
		switch word[0] {
		case '+':
			change.Add = append(change.Add, member)
		case '^':
			change.Promote = append(change.Promote, member.ID)
		case '-':
			change.Remove = append(change.Remove, member.ID)
		}
	}
	return change
}

// recast gives a member another past.
func (s *stage) recast(a *actor, facts []string) {
	for _, fact := range facts {
		name, value, _ := strings.Cut(fact, "=")
		switch name {
		case "term":
			term, _ := strconv.Atoi(value)
			a.durable.Term = Term(term)
		case "vote":
			vote, _ := strconv.Atoi(value)
			a.durable.Vote = ID(vote)
		case "log":
			a.durable.Entries = parseLog(value)
		}
	}
	a.draws.want(a.node.patience)
	s.start(a)
}

// parseLog reads the entries behind the first, which is the founding snapshot.
func parseLog(text string) []Entry {
	var terms []Term
	var data [][]byte
	for _, word := range strings.Split(text, ",")[1:] {
		term, content, _ := strings.Cut(word, ":")
		number, _ := strconv.Atoi(term)
		terms, data = append(terms, Term(number)), append(data, []byte(content))
	}
	entries := entriesOf(2, terms...)
	for i := range entries {
		entries[i].Data = data[i]
	}
	return entries
}

// entriesOf makes entries from an index on, given their terms.
func entriesOf(from Index, terms ...Term) []Entry {
	var entries []Entry
	for i, term := range terms {
		entries = append(entries, Entry{Index: from + Index(i), Term: term, Kind: KindCommand})
	}
	return entries
}

func (s *stage) tellLogs() {
	for _, a := range s.actors {
		if a.node == nil {
			s.tell("%d is down", a.id)
			continue
		}
		var terms []string
		for _, e := range a.node.Entries(0) {
			terms = append(terms, fmt.Sprint(e.Term))
		}
		log := &a.node.log
		s.tell("%d has %d/%d, then the terms [%s]; committed up to %d", a.id, log.base(), log.baseTerm,
			strings.Join(terms, " "), a.node.commit)
	}
}
