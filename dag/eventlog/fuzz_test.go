package eventlog_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/tegwick/artifact-store/dag/dagtest"
	"github.com/tegwick/artifact-store/dag/eventlog"
	"github.com/tegwick/artifact-store/dag/fault"
)

// vectors reads a golden file.
func vectors(f *testing.F, name string, v any) {
	f.Helper()
	if err := json.Unmarshal(dagtest.Vectors(name), v); err != nil {
		f.Fatal(err)
	}
}

// seeds adds texts or bytes in hex.
func seeds(f *testing.F, hex ...string) {
	f.Helper()
	for _, h := range hex {
		data, err := unhexed(h)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// wantSome fails where a refusal has no kind.
func wantSome(t *testing.T, err error) {
	t.Helper()
	if fault.KindOf(err) == fault.Other {
		t.Errorf("%v is of no kind", err)
	}
}

type eventVectors struct {
	Cases  []goldenEvent
	Refuse []goldenRefusal
}

func FuzzUnmarshalEntry(f *testing.F) {
	var v eventVectors
	vectors(f, "event.json", &v)
	for _, c := range v.Cases {
		seeds(f, c.Entry, c.Erased)
	}
	for _, c := range v.Refuse {
		seeds(f, c.Hex)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := eventlog.UnmarshalEntry(data)
		if err != nil {
			wantSome(t, err)
			return
		}
		if again, err := e.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%x becomes %x, %v", data, again, err)
		}
		if _, err := e.Open(); err != nil {
			wantSome(t, err)
		}
	})
}

// FuzzOpenEntry has payloads whose commitment is true: what follows it is
// reached.
func FuzzOpenEntry(f *testing.F) {
	var v eventVectors
	vectors(f, "event.json", &v)
	for _, c := range v.Cases {
		payload, err := unhexed(c.Payload)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(c.Kind), c.Time, payload)
	}
	f.Fuzz(func(t *testing.T, kind string, time int64, payload []byte) {
		if len(payload) == 0 {
			return
		}
		header := eventlog.Header{Version: 1, Kind: eventlog.Kind(kind), Time: time}
		e := forgeRaw(header, payload)
		if e.Leaf == nil {
			return // no text
		}
		ev, err := e.Open()
		if err != nil {
			wantSome(t, err)
			return
		}
		again, err := eventlog.NewEntry(ev.Kind, ev.Time, [32]byte(e.Salt), ev.Payload)
		if err != nil || !bytes.Equal(again.Leaf, e.Leaf) || !bytes.Equal(again.Payload, e.Payload) {
			t.Errorf("%s %x becomes %+v, %v", kind, payload, again, err)
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	var v goldenTrees
	vectors(f, "tree.json", &v)
	for _, c := range v.Trees {
		f.Add([]byte(c.Checkpoint))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, any := range []bool{false, true} {
			c, err := eventlog.OpenCheckpoint(data, origin, lenient{verifier(t, testKey()), any})
			if err != nil {
				wantSome(t, err)
				continue
			}
			s, err := eventlog.Signer(origin, testKey())
			if err != nil {
				t.Fatal(err)
			}
			again, err := c.Sign(s)
			if err != nil {
				t.Fatalf("%+v cannot be signed: %v", c, err)
			}
			if back, err := eventlog.OpenCheckpoint(again, origin, verifier(t, testKey())); err != nil || back != c {
				t.Errorf("%+v becomes %+v, %v", c, back, err)
			}
		}
	})
}

func FuzzParseProof(f *testing.F) {
	var v goldenTrees
	vectors(f, "tree.json", &v)
	for _, text := range v.Proofs {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := eventlog.ParseProof(data)
		if err != nil {
			wantSome(t, err)
			return
		}
		if again, err := p.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q becomes %q, %v", data, again, err)
		}
		if _, err := p.Verify(leafAt(p.Index), origin, lenient{verifier(t, testKey()), true}); err != nil {
			wantSome(t, err)
		}
	})
}

func FuzzParseFork(f *testing.F) {
	var v goldenTrees
	vectors(f, "tree.json", &v)
	for _, c := range v.Forks {
		seeds(f, c.Hex)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fork, err := eventlog.ParseFork(data)
		if err != nil {
			wantSome(t, err)
			return
		}
		if again, err := fork.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%x becomes %x, %v", data, again, err)
		}
		if err := fork.Check(lenient{verifier(t, testKey()), true}); err != nil {
			wantSome(t, err)
		}
	})
}

func FuzzParseTilePath(f *testing.F) {
	var v goldenTrees
	vectors(f, "tree.json", &v)
	for _, c := range v.Paths {
		f.Add(c.Path)
	}
	for _, path := range v.NotPaths {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := eventlog.ParseTilePath(path)
		if err != nil {
			wantKind(t, err, fault.Invalid)
			return
		}
		if tile.Path() != path || tile.Level < -1 || tile.Level > 63 || tile.Width < 1 || tile.Width > 256 {
			t.Errorf("%q is %+v", path, tile)
		}
	})
}

func FuzzReadBundle(f *testing.F) {
	var v goldenTrees
	vectors(f, "tree.json", &v)
	bundle, err := unhexed(v.Bundle.Hex)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bundle, len(v.Bundle.Leaves))
	f.Fuzz(func(t *testing.T, data []byte, width int) {
		leaves, err := eventlog.ReadBundle(data, width)
		if err != nil {
			wantKind(t, err, fault.Invalid)
			return
		}
		var again []byte
		for _, leaf := range leaves {
			if again, err = eventlog.AppendBundle(again, leaf); err != nil {
				t.Fatal(err)
			}
		}
		if len(leaves) != width || !bytes.Equal(again, data) {
			t.Errorf("%x becomes %x", data, again)
		}
	})
}
