package store

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store/pack"
)

// DefaultSegmentSize is the size that segments are preallocated to, in bytes.
const DefaultSegmentSize = 256 << 20

// groupBytes is how much waits, at the most, for one write and one sync. No
// group is larger than a segment should be.
const groupBytes = 8 << 20

// groupBuffers is how many groups exist: one being filled, one being written,
// one waiting for its index entries.
const groupBuffers = 3

// Options are what a store is opened with. The zero value of each field but
// ID, Packs, Meta and Now is a sensible default.
type Options struct {
	ID    pack.StoreID
	Packs pack.FS
	Meta  Metadata
	Now   func() time.Time

	// Site is the first part of the origin line of each namespace's log, and
	// NodeOrigin the origin line of the node's own.
	Site, NodeOrigin string
	// Checkpoints signs the heads of the logs; without it nothing is appended.
	Checkpoints CheckpointSigner
	// Watermark is where the store looks whether it has gone on elsewhere; nil
	// where nothing remembers.
	Watermark Watermark
	// Random gives the salts of events; nil means crypto/rand.
	Random io.Reader

	// SegmentSize is what new segments are preallocated to.
	SegmentSize int64
	// Compression of what is received; compaction chooses for itself.
	Compression pack.Compression
	// Admit is asked before n more bytes of disk are taken; it returns
	// [fault.Full] where they would eat into the reserve. nil admits all.
	Admit func(n int64) error
	// Rebuild lets an empty index be filled from packs that are not.
	Rebuild bool
	Log     *slog.Logger
}

// Store keeps blocks and the references to artifacts. It is safe for
// concurrent use. Reading works as soon as it is open; whatever writes waits
// until [Store.Run] runs.
type Store struct {
	catalog
	opt Options

	segments *segments
	appender *appender
	events   sequencer
	// behind says why nothing may be appended, once that was compared. Both are
	// the sequencer's.
	behind   error
	compared bool
	// rebuilds is odd while the views are being rebuilt.
	rebuilds atomic.Uint64

	// barrier is held for reading while a block is looked up and touched, and
	// for writing while the guard decides which blocks of a segment may go: a
	// deduplication hit comes wholly before that decision or wholly after.
	barrier sync.RWMutex
	leases  leaseTable
	// index serialises changes of block locations, so that moving or deleting
	// one can be conditional on what it is.
	index sync.Mutex
	// collecting is held by the one collection that may run.
	collecting sync.Mutex

	stopped  chan struct{} // closed when Run has ended
	stopOnce sync.Once
}

// Open opens a store over its two planes and brings them into agreement: what
// the packs hold beyond the index is indexed, and what a crash left half
// written is cut off. It takes over Meta, and closes it if it fails.
//
// Errors: [fault.Corrupt] where the index is missing or another store's,
// [fault.Invalid] where a newer version wrote it.
func Open(ctx context.Context, opt Options) (*Store, error) {
	if opt.SegmentSize == 0 {
		opt.SegmentSize = DefaultSegmentSize
	}
	if opt.Admit == nil {
		opt.Admit = func(int64) error { return nil }
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Random == nil {
		opt.Random = rand.Reader
	}
	s := &Store{opt: opt, stopped: make(chan struct{})}
	s.catalog = catalog{meta: opt.Meta, settled: s.settled}
	s.segments = newSegments(opt.Packs, opt.ID)
	s.appender = newAppender(int(min(groupBytes, opt.SegmentSize)))
	s.leases.active = make(map[*Lease]struct{})
	s.events.wake = make(chan struct{}, 1)
	err := s.recover(ctx)
	if err == nil {
		err = s.agree(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.segments.close(), opt.Meta.Close())
	}
	return s, nil
}

// Close releases everything. [Store.Run] must have ended, or never run.
func (s *Store) Close() error {
	s.stop()
	return errors.Join(s.segments.close(), s.meta.Close())
}

// errStopped is what a write gets when nothing commits any more.
func errStopped(op string) error {
	return fault.New(fault.Unavailable, op, "", "the store is shutting down")
}
