package badger_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tegwick/artifact-store/store"
)

// A process that is killed while Badger makes a log leaves it empty, since
// its file is made before it gets its size.
func TestOpenPastLogsCutShort(t *testing.T) {
	for _, name := range []string{"000009.vlog", "00009.mem"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db := open(t, dir)
			if err := db.Commit(t.Context(), store.Batch{Put: []store.Pair{{Key: []byte("k"), Value: []byte("v")}}}); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			db = open(t, dir)
			defer db.Close()
			got, err := db.GetMany(t.Context(), [][]byte{[]byte("k")})
			if err != nil || string(got[0]) != "v" {
				t.Errorf("%q: %v", got, err)
			}
		})
	}
}
