package transport

// Open is how many connections there are, in both directions, whose goroutines have not ended.
func (p *Peers) Open() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return len(p.open)
}
