package pack_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/store/pack"
	"github.com/tegwick/artifact-store/store/storetest"
)

// golden is the segment that docs/formats.md describes as the vector of
// version 1. It is never to change: remove it to make it again.
const golden = "testdata/segment-v1.pack"

func TestGoldenSegment(t *testing.T) {
	mem, b := storetest.NewCrashFS(1), pack.NewBatch(0)
	w := newSegment(t, mem, 64<<10)
	for n, records := range [][]pack.Record{
		{record([]byte("hello, world\n"), pack.Chunk, pack.None), record(nil, pack.Chunk, pack.None)},
		{record([]byte{0xa1, 0x61, 'v', 0x01}, pack.Node, pack.None), record([]byte{0xa0}, pack.Event, pack.None)},
	} {
		b.Reset()
		for _, r := range records {
			b.Add(r)
		}
		if _, err := w.Append(b, time.UnixMilli(1_700_000_000_000+int64(n))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(golden)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, image(t, mem), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Fatal("the vector was missing and has been made: look at it")
	}
	if err != nil || !bytes.Equal(image(t, mem), want) {
		t.Errorf("the segment is not the vector: %v", err)
	}
	sealed, err := pack.VerifySealed(withImage(t, want), 1, storeID)
	if err != nil || sealed.State != (pack.State{Length: 20480, Frames: 2, Slots: 4}) || sealed.Size != 28672 {
		t.Errorf("the vector is read as %+v, %v", sealed, err)
	}
	t.Log(sealed.Hash)
}
