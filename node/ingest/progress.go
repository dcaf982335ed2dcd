package ingest

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Progress is told how far an ingest is: often, never from two goroutines at
// once, and it must return quickly, since the work waits for it.
type Progress func(Event)

// Event is how far an ingest is. A file that changes while it is read is read
// again, so Bytes may fall, and what there is to read may prove to be more
// than was counted.
type Event struct {
	Files, Bytes int64 // read so far
	// What there is to read. Valid where Known: it is counted while the reading
	// already runs, and a stream's length is never known.
	TotalFiles, TotalBytes int64
	Known                  bool
}

// meter adds up an [Event].
type meter struct {
	tell Progress // may be nil

	mu  sync.Mutex // guards now, and that tell is called by one at a time
	now Event
}

// read counts bytes that were read; less than none are to be read again.
func (m *meter) read(bytes int64) { m.add(0, bytes) }

// file counts a file that is done.
func (m *meter) file() { m.add(1, 0) }

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

func (m *meter) total(files, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.TotalFiles, m.now.TotalBytes, m.now.Known = files, bytes, true
	m.tell(m.now)
}

// scan counts what there is to read under paths and tells m, in a goroutine
// of its own that ends at the latest when stop is called. It is only for show:
// where it meets an error or a stream, the total stays unknown.
func (m *meter) scan(ctx context.Context, paths []string) (stop func()) {
	if m.tell == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var files, bytes int64
		for _, p := range paths {
			if p == stdinPath || count(ctx, p, &files, &bytes) != nil {
				return
			}
		}
		m.total(files, bytes)
	}()
	return func() { cancel(); <-done }
}

// count adds the regular files under path, which is followed if it is a link.
func count(ctx context.Context, path string, files, bytes *int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		*files++
		*bytes += info.Size()
		return nil
	}
	// The separator makes WalkDir follow path itself.
	return filepath.WalkDir(path+string(filepath.Separator), func(_ string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		*files++
		*bytes += info.Size()
		return nil
	})
}
