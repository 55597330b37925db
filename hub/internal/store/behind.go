package store

// Behind has settle called before anything reads the rows, flushes or closes the store: it commits what its owner has
// applied and put off committing, if there is something. It is called on whatever goroutine. It must read by Peek alone, and
// its owner must not call View while it would have to wait for itself.
func (s *Store) Behind(settle func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle = settle
}

func (s *Store) caughtUp() error {
	s.mu.Lock()
	settle := s.settle
	s.mu.Unlock()
	return settle()
}
