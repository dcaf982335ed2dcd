package badger

import "sync"

// snapshots hands out the version to read at, which is the newest that is
// durable, and knows the oldest one still read: versions that a newer one at or
// below it covers may be forgotten by compaction.
type snapshots struct {
	mu      sync.Mutex     // guards all below
	idle    *sync.Cond     // signalled when readers becomes empty
	newest  uint64         // version of the last durable commit
	readers map[uint64]int // how many read at a version
	refuse  error          // why nothing is served any more
	closed  bool
}

func (s *snapshots) init(newest uint64) {
	s.idle = sync.NewCond(&s.mu)
	s.newest = newest
	s.readers = make(map[uint64]int)
}

// acquire returns a version that stays readable until it is released.
func (s *snapshots) acquire() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return 0, s.refuse
	}
	s.readers[s.newest]++
	return s.newest, nil
}

func (s *snapshots) release(version uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers[version]--; s.readers[version] == 0 {
		delete(s.readers, version)
	}
	if len(s.readers) == 0 {
		s.idle.Broadcast()
	}
}

// advance makes version the one to read at, and returns the oldest in use.
func (s *snapshots) advance(version uint64) (oldest uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest = version
	oldest = version
	for v := range s.readers {
		oldest = min(oldest, v)
	}
	return oldest
}

// fail makes acquire refuse with why from now on.
func (s *snapshots) fail(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse == nil {
		s.refuse = why
	}
}

// stop is fail for good; it reports whether it was the first to stop.
func (s *snapshots) stop(why error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.closed
	s.closed, s.refuse = true, why
	return first
}

// drain returns when no version is read.
func (s *snapshots) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.readers) > 0 {
		s.idle.Wait()
	}
}
