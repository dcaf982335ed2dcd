// Package badger keeps the metadata plane of a store in Badger (dgraph-io), the
// one package that knows it. It implements [store.Metadata].
//
// Badger's defaults and habits that matter here (v4.9.6), and what is done:
//
//   - SyncWrites is off by default, and DB.Sync skips a log that was just
//     rotated: it is on, and one commit is one transaction is one sync.
//   - The directory is not synced when the log of a new memtable is made: a
//     power failure could lose the file with what was acknowledged in it. It is
//     done here, before the commit that rotated is acknowledged.
//   - A reading transaction waits for the sync of commits that began before it.
//     Managed mode lets reads be at the newest durable version instead; which
//     versions may be forgotten is then for this package to say.
//   - A block of a table that does not match its checksum reads as keys that
//     are not there, and compaction would make that so for good. A table whose
//     footer is damaged panics in a goroutine. So each table is verified before
//     Badger opens it, and is not checked again at each read.
//   - A failed write may leave the active memtable nil, and a failed sync cannot
//     be repeated: after one nothing is served until the database is opened again.
//   - The garbage collection of the value log reclaims nothing: no value is long
//     enough to go there. DropPrefix is never used.
//   - Files are mapped and sparse: on a full disk, writing to them kills the
//     process by SIGBUS. Whoever opens the database keeps a reserve of space.
//   - The replay of a log ends at the first record that is not whole, be it torn
//     or damaged. Logs outlive a process only when it crashes.
//   - A log has no size yet when its file is made. Killed in between, Badger
//     does not open; such a file holds nothing and is removed first.
//   - On Windows Badger's msync does nothing: a commit survives the death of the
//     process there, but not of the machine; the packs rebuild what it lost.
package badger

import (
	"log/slog"
	"os"
	"path/filepath"

	dgraph "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/gofrs/flock"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/store"
)

const (
	// memTableSize decides the resident memory (an arena of 1.3 times this for
	// each of the three memtables that may exist, and as much while one becomes
	// a table) and what a transaction holds (15 % of it, see groupBytes). At
	// 20,000 keys a second the process has 90 MiB resident; at 16 MiB, 130.
	memTableSize = 8 << 20
	// valueThreshold is above any value, so that none goes to the value log.
	valueThreshold = 2 * store.MaxMetaValue
	// valueLogSize is Badger's least; the log stays empty.
	valueLogSize = 1 << 20
	// indexCacheSize bounds table indices that are not mapped.
	indexCacheSize = 64 << 20
)

// Options are what a database is opened with.
type Options struct {
	// Logger takes what Badger says, at debug level; nil discards it.
	Logger *slog.Logger
}

// DB is a Badger database. It is safe for concurrent use.
type DB struct {
	dir  string
	db   *dgraph.DB
	lock *flock.Flock

	snapshots snapshots
	queue     queue
	turn      chan struct{} // held by the one that commits, or closes
	wal       walWatch      // guarded by turn
}

var _ store.Metadata = (*DB)(nil)

// Open opens the database in dir, or makes one where there is none. All its
// tables are read and verified first. Errors: [fault.Unavailable] where another
// process has it open, [fault.Corrupt] naming the file that is damaged,
// [fault.Full], [fault.Denied].
func Open(dir string, opt Options) (*DB, error) {
	const op = "open index"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(kindOf(err, fault.Other), op, dir, err)
	}
	lock := flock.New(filepath.Join(dir, "LOCK"))
	switch got, err := lock.TryLock(); {
	case err != nil:
		return nil, fault.Wrap(kindOf(err, fault.Unavailable), op, dir, err)
	case !got:
		return nil, fault.New(fault.Unavailable, op, dir, "another process has it open")
	}
	d, err := open(dir, opt)
	if err != nil {
		_ = lock.Unlock()
		return nil, fault.Wrap(kindOf(err, fault.Corrupt), op, dir, err)
	}
	d.lock = lock
	return d, nil
}

func open(dir string, opt Options) (*DB, error) {
	if err := verifyDir(dir); err != nil {
		return nil, err
	}
	if err := removeUnborn(dir); err != nil {
		return nil, err
	}
	db, err := dgraph.OpenManaged(engineOptions(dir, opt))
	if err != nil {
		return nil, err
	}
	d := &DB{dir: dir, db: db, turn: make(chan struct{}, 1)}
	d.snapshots.init(db.MaxVersion())
	if d.wal, err = watchWAL(dir); err != nil {
		_ = db.Close()
		return nil, err
	}
	return d, nil
}

func engineOptions(dir string, opt Options) dgraph.Options {
	o := dgraph.DefaultOptions(dir)
	o.Logger = newLogger(opt.Logger)
	o.SyncWrites = true
	o.DetectConflicts = false // there is one committer
	o.MetricsEnabled = false  // they are process-wide
	o.BypassLockGuard = true  // its error has no type; see [Open]
	o.MemTableSize = memTableSize
	o.NumMemtables = 2
	o.NumCompactors = 2
	o.ValueThreshold = valueThreshold
	o.ValueLogFileSize = valueLogSize
	o.IndexCacheSize = indexCacheSize
	// Most of what is stored is digests, which do not compress. Plain blocks
	// are read from the mapped file, so the page cache is the block cache.
	o.Compression = options.None
	o.BlockCacheSize = 0
	o.ChecksumVerificationMode = options.NoVerification // done by verifyDir
	return o
}

// Close waits for what is running, refuses what comes after, and releases the
// directory. Closing twice is harmless.
func (d *DB) Close() error {
	if !d.snapshots.stop(fault.New(fault.Unavailable, "use index", d.dir, "it is closed")) {
		return nil
	}
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	d.snapshots.drain()
	err := d.db.Close()
	if unlockErr := d.lock.Unlock(); err == nil {
		err = unlockErr
	}
	return fault.Wrap(kindOf(err, fault.Other), "close index", d.dir, err)
}
