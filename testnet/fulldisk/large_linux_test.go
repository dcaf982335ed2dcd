package fulldisk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tegwick/artifact-store/testnet/fixture"
)

// On a full disk a segment whose live half has no room elsewhere stays, and
// those that can be collected are.
func TestCollectPastWhatHasNoRoom(t *testing.T) {
	s := newSite(t)
	dir := filepath.Join(s.in, "both")
	tree := fixture.Tree{}
	for i := range 12 {
		tree[fmt.Sprintf("f%d", i)] = fixture.Entry{Mode: 0o644, Data: fixture.Bytes(uint64(1000+i), 8<<20)}
	}
	if err := tree.Plant(dir); err != nil {
		t.Fatal(err)
	}
	s.Must(t, "put", dir, "--as", "full/large:both")
	half := []string{"put", "--as", "full/large:half"}
	for i := range 6 {
		half = append(half, filepath.Join(dir, fmt.Sprintf("f%d", 2*i)))
	}
	s.Must(t, half...)
	s.Must(t, "rm", "full/large:both")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s.fill(t)
	before := free(t, s.disk)
	s.remove(t, 1)
	s.Must(t, "gc")
	t.Logf("%d MiB were free before the collection, %d are after", before>>20, free(t, s.disk)>>20)
	if free(t, s.disk) < before+16<<20 {
		t.Error("what is dead in small segments was not freed")
	}
	s.Must(t, "verify", "full/large:half")
}
