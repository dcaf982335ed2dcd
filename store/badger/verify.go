package badger

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	dgraph "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"

	"github.com/tegwick/artifact-store/dag/fault"
)

// verifyDir reads every table that the database in dir is made of, and the
// files that name them, and checks all against their checksums. An empty
// directory is fine.
func verifyDir(dir string) error {
	path := filepath.Join(dir, dgraph.ManifestFilename)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	m, end, err := dgraph.ReplayManifestFile(f, 0, dgraph.DefaultOptions(dir))
	if err == nil {
		err = verifyTail(f, end)
	}
	if err != nil {
		return damaged(path, err)
	}
	keys, err := dgraph.OpenKeyRegistry(dgraph.KeyRegistryOptions{Dir: dir, ReadOnly: true})
	if err != nil {
		return damaged(filepath.Join(dir, dgraph.KeyRegistryFileName), err)
	}
	if err := keys.Close(); err != nil {
		return err
	}
	for id, t := range m.Tables {
		if err := verifyTable(table.NewFilename(id, dir), t.Compression); err != nil {
			return err
		}
	}
	return nil
}

// verifyTail tells a torn last record of the manifest, which Badger cuts off,
// from a whole one whose length is damaged. Badger would cut that off too, and
// remove the tables it names: the record's checksum fits some of what follows.
func verifyTail(f *os.File, end int64) error {
	const head, most = 8, 1 << 20 // length and checksum, 4 bytes each
	tail, err := io.ReadAll(io.NewSectionReader(f, end, most))
	if err != nil || len(tail) <= head {
		return err
	}
	want, sum, poly := binary.BigEndian.Uint32(tail[4:]), uint32(0), crc32.MakeTable(crc32.Castagnoli)
	for i := range tail[head:] {
		if sum = crc32.Update(sum, poly, tail[head+i:head+i+1]); sum == want {
			return errors.New("the length of a record is damaged")
		}
	}
	return nil
}

// Verify reads every table of the open database and checks it against its
// checksums: [fault.Corrupt] names the first file that is damaged.
func (d *DB) Verify(ctx context.Context) error {
	at, err := d.snapshots.acquire()
	if err != nil {
		return err
	}
	defer d.snapshots.release(at)
	for _, t := range d.db.Tables() {
		if ctx.Err() != nil {
			return fault.Wrap(fault.Other, "verify index", d.dir, context.Cause(ctx))
		}
		err := verifyTable(table.NewFilename(t.ID, d.dir), options.None)
		if err != nil && !d.compactedAway(t.ID) {
			return err
		}
	}
	return nil
}

// compactedAway reports whether a table was replaced by others, whose files
// Badger may remove at any time.
func (d *DB) compactedAway(id uint64) bool {
	for _, t := range d.db.Tables() {
		if t.ID == id {
			return false
		}
	}
	return true
}

// verifyTable checks one table. Badger's reader panics on some damage, which is
// why this is done where it can be recovered from.
func verifyTable(path string, c options.CompressionType) (err error) {
	m, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if err != nil {
		return damaged(path, err)
	}
	defer func() {
		if p := recover(); p != nil {
			err = damaged(path, errors.New("its structure is broken"))
		}
		// Not m.Close, which would sync what was only read.
		_ = z.Munmap(m.Data)
		_ = m.Fd.Close()
	}()
	opt := table.Options{BlockSize: 4 << 10, Compression: c, ChkMode: options.NoVerification}
	t, err := table.OpenTable(m, opt)
	if err == nil {
		err = t.VerifyChecksum()
	}
	if err != nil {
		return damaged(path, err)
	}
	return nil
}

func damaged(path string, err error) error {
	err = fault.Wrap(kindOf(err, fault.Corrupt), "verify index", path, err)
	return fault.Hint(err, "rebuild the index from the packs: artifact fsck --rebuild-index")
}
