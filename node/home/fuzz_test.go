package home_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
)

// FuzzMarker opens a directory with any marker: it is refused with a kind, or
// it has an identity that a marker written plainly has as well.
func FuzzMarker(f *testing.F) {
	for _, seed := range []string{
		`{"format":1,"id":"00112233445566778899aabbccddeeff"}`, `{"format":2,"id":""}`, `{"format":-1}`,
		`{"id":"0011","format":1}`, `{}`, `[]`, "", "null", `{"format":1e0,"ID":"\u0030"}`,
	} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	path := filepath.Join(dir, "artifact-store.json")
	open := func(t *testing.T, data []byte) ([16]byte, error) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := home.Open(dir, home.Options{Ballast: -1})
		if err != nil {
			return [16]byte{}, err
		}
		if h.Created() {
			t.Error("a store was made over another")
		}
		return h.ID(), h.Close()
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		id, err := open(t, data)
		if err != nil {
			if !fault.Is(err, fault.Corrupt) && !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v (%v)", data, err, fault.KindOf(err))
			}
			return
		}
		if again, err := open(t, fmt.Appendf(nil, `{"format":1,"id":"%x"}`, id)); err != nil || again != id {
			t.Fatalf("%q: identity %x, written plainly %x (%v)", data, id, again, err)
		}
	})
}
