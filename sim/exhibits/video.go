package exhibits

import (
	"strings"
	"time"

	"lockd/sim/draw"
)

var videoQueue = Exhibit{
	Name:  "video-queue",
	Title: "Two workers encode one chunk of a video",
	Design: `A queue hands the chunks of a video to workers. If a worker does not report a chunk in twenty seconds,
twice as long as encoding ever takes, it must be dead, and the chunk goes to another one. Before a worker begins it
looks whether the result is there already.`,
	Fault: `Some chunks take longer to encode than anybody thought, and now and then a worker stands still: for
longer than the queue waits.`,
	Lesson: `A queue delivers at least once, and its patience is a lock with a time limit. With a lock for each
chunk, renewed while the work goes on, who is handed a chunk that somebody works on leaves it alone. If its holder is
taken for dead, the work may still be done twice: nobody can take back time that was spent. What happens once is the
upload: the bucket compares tokens, and refuses that of the worker who came back.`,
	Harm: EncodedTwice, Seed: 608, Breaks: 706, lasts: 2 * time.Minute, play: playVideo, Mends: true, twin: workersThatVanish,
}

const (
	chunks  = 6
	noChunk = -1
	// encoding takes up to half as long as the queue waits before it hands a chunk out again.
	longestEncoding = 10 * time.Second
	queueWaits      = 20 * time.Second
	chunkLease      = 8 * time.Second
)

// queue hands out the chunks of a video. A worker that has not reported a chunk in time must be dead, and the
// chunk goes to the next.
type queue struct {
	*machine
	again [chunks]time.Duration // when a chunk may be handed out again
	done  [chunks]bool
}

func (q *queue) take() int {
	for chunk, again := range q.again {
		if !q.done[chunk] && q.uptime() >= again {
			q.again[chunk] = q.uptime() + queueWaits
			return chunk
		}
	}
	return noChunk
}

// bucket keeps the results. With locks in use it compares tokens, those of lookers as well as those of uploaders.
type bucket struct {
	*machine
	marks   [chunks]uint64
	authors [chunks][]string
}

// admit tells whether a token may pass for a chunk. Without locks all tokens are zero.
func (b *bucket) admit(who string, chunk int, token uint64) bool {
	if token < b.marks[chunk] {
		b.say("the bucket refuses %s: for chunk %d, token %d is lower than %d", who, chunk, token, b.marks[chunk])
		return false
	}
	b.marks[chunk] = token
	return true
}

// missing tells whether a chunk is still to be encoded.
func (b *bucket) missing(who string, chunk int, token uint64) bool {
	return b.admit(who, chunk, token) && len(b.authors[chunk]) == 0
}

// upload keeps a result. The judge counts.
func (b *bucket) upload(who string, chunk int, token uint64) bool {
	if !b.admit(who, chunk, token) {
		return false
	}
	b.say("the bucket takes chunk %d, by %s", chunk, who)
	b.outcome.Work++
	if b.authors[chunk] = append(b.authors[chunk], who); len(b.authors[chunk]) > 1 {
		b.harm(EncodedTwice, "chunk %d was encoded and uploaded by %s", chunk, strings.Join(b.authors[chunk], " and by "))
	}
	return true
}

// chunkLocks stands for a lock service that grants with tokens and does not fail, as lockd is one.
type chunkLocks struct {
	*machine
	holders [chunks]uint64 // tokens; zero: nobody
	until   [chunks]time.Duration
	last    uint64
}

func (l *chunkLocks) acquire(chunk int) uint64 {
	if l.holders[chunk] != 0 && l.uptime() < l.until[chunk] {
		return 0
	}
	l.last++
	l.holders[chunk], l.until[chunk] = l.last, l.uptime()+chunkLease
	return l.last
}

func (l *chunkLocks) renew(chunk int, token uint64) bool {
	mine := l.holders[chunk] == token && l.uptime() < l.until[chunk]
	if mine {
		l.until[chunk] = l.uptime() + chunkLease
	}
	return mine
}

func (l *chunkLocks) release(chunk int, token uint64) {
	if l.holders[chunk] == token {
		l.holders[chunk] = 0
	}
}

// studio is where two workers encode one video.
type studio struct {
	queue  *queue
	bucket *bucket
	locks  *chunkLocks
	hard   [chunks]bool // these take longer to encode than the queue waits
}

// playVideo: the faults are hard chunks, and workers that stand still. Mended, workers take a lock for each chunk.
func playVideo(s *stage) {
	at := &studio{
		queue: &queue{machine: s.machine("the queue")}, bucket: &bucket{machine: s.machine("the bucket")},
		locks: &chunkLocks{machine: s.machine("the lock service")},
	}
	luck := draw.New(s.seed, "hard chunks")
	for chunk := range chunks {
		at.hard[chunk] = luck.Chance(draw.Million/6) && s.faults
	}
	encode := at.encode
	if s.mended {
		encode = at.encodeLocked
	}
	for _, name := range workers[:2] {
		m := s.machine(name)
		m.start(func(p *process) {
			for {
				p.think()
				if chunk, heard := call(p, at.queue.machine, patience, at.queue.take); heard && chunk != noChunk {
					encode(p, chunk)
				}
			}
		})
		if s.faults {
			m.pauses(30*time.Second, 10*time.Second, 40*time.Second)
		}
	}
}

// encode trusts the queue.
func (s *studio) encode(p *process, chunk int) { s.work(p, chunk, 0) }

// encodeLocked takes the chunk's lock first, and renews it for as long as the work takes. Whoever finds it taken leaves the
// chunk alone.
func (s *studio) encodeLocked(p *process, chunk int) {
	token, heard := call(p, s.locks.machine, patience, func() uint64 { return s.locks.acquire(chunk) })
	if !heard || token == 0 {
		p.say("%s is handed chunk %d, finds its lock taken, and leaves it alone", p.name, chunk)
		return
	}
	p.say("%s holds the lock of chunk %d, with token %d", p.name, chunk, token)
	working := true
	p.start(func(beside *process) {
		for working {
			call(beside, s.locks.machine, patience, func() bool { return s.locks.renew(chunk, token) })
			beside.pass(2 * time.Second)
		}
	})
	s.work(p, chunk, token)
	working = false
	call(p, s.locks.machine, patience, func() bool { s.locks.release(chunk, token); return true })
}

// work encodes a chunk that is not there yet, and reports it.
func (s *studio) work(p *process, chunk int, token uint64) {
	who := p.name
	missing, heard := call(p, s.bucket.machine, patience, func() bool { return s.bucket.missing(who, chunk, token) })
	if heard && missing {
		p.say("%s encodes chunk %d", who, chunk)
		lasts := p.luck.Between(longestEncoding/4, longestEncoding)
		if s.hard[chunk] {
			lasts += queueWaits
		}
		p.pass(lasts)
		taken, heard := call(p, s.bucket.machine, patience, func() bool { return s.bucket.upload(who, chunk, token) })
		if !heard || !taken {
			return
		}
	}
	call(p, s.queue.machine, patience, func() bool { s.queue.done[chunk] = true; return true })
}
