package restore

import "sync"

// Progress is told how far a restore or a verification is: often, never from
// two goroutines at once, and it must return quickly, since the work waits for
// it.
type Progress func(Event)

// Event counts what is done of what there is to do, in content: a file that
// was right already, and the part of one that a resume found, are done.
type Event struct {
	Files, Bytes           int64
	TotalFiles, TotalBytes int64
}

// meter adds up an [Event].
type meter struct {
	tell Progress // may be nil

	mu  sync.Mutex // guards now, and that tell is called by one at a time
	now Event
}

// add counts files and bytes as done.
func (m *meter) add(files, bytes int64) {
	if m.tell == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Files += files
	m.now.Bytes += bytes
	m.tell(m.now)
}
