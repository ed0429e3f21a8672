package exhibits

// file is an object in a store such as S3. Who edits it reads it, changes what was read, and writes it back whole: the last
// write wins, whatever it was made of.
type file struct {
	*machine
	guarded bool   // whether it compares tokens
	mark    uint64 // the highest token that it has seen, when it does
	version int
	author  string // of that version
}

// draft is a copy of the file on somebody's machine.
type draft struct{ base int }

func (s *stage) file(guarded bool) *file {
	return &file{machine: s.machine("the file"), guarded: guarded, author: "nobody"}
}

// admits tells whether the file lets a token in: no lower one than it has seen. A file without a guard lets everybody in.
func (f *file) admits(token uint64) bool {
	if f.guarded && token < f.mark {
		return false
	}
	f.mark = max(f.mark, token)
	return true
}

// write replaces the file. The judge of lost updates stands beside it: whoever writes must have read what is replaced.
func (f *file) write(who string, d draft) {
	f.say("the file takes what %s made of version %d: that is version %d now", who, d.base, f.version+1)
	if d.base != f.version {
		f.harm(LostUpdate, "%s replaced version %d, by %s, without ever having read it: the work of %s is gone",
			who, f.version, f.author, f.author)
	}
	f.version, f.author = f.version+1, who
	f.outcome.Work++
}

// fetch reads the file under a token.
func (f *file) fetch(p *process, token uint64) (draft, bool) {
	type answer struct {
		draft
		admitted bool
	}
	a, heard := call(p, f.machine, patience, func() answer {
		return answer{draft{f.version}, f.admits(token)}
	})
	return a.draft, heard && a.admitted
}

// store writes the file under a token, and tells whether the file said that it is written.
func (f *file) store(p *process, token uint64, d draft) bool {
	who := p.name
	written, heard := call(p, f.machine, patience, func() bool {
		if !f.admits(token) {
			f.say("the file refuses %s: token %d is lower than %d", who, token, f.mark)
			return false
		}
		f.write(who, d)
		return true
	})
	return heard && written
}
