package home_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/node/home"
)

// What frees space may go into the reserve, as long as it says so, and not to
// its end.
func TestFreeingGoesIntoTheReserve(t *testing.T) {
	dir := smallFS(t, 128)
	clock := time.Unix(1e9, 0)
	h, err := home.Open(dir, home.Options{Create: true, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	free, err := h.Free()
	if err != nil {
		t.Fatal(err)
	}
	const left = 13 << 20 // the reserve is somewhat less than 16 MiB
	if err := os.WriteFile(filepath.Join(dir, "others"), make([]byte, free-left), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFault(t, h.Admit(1<<20), fault.Full, "in reserve")
	done := h.Freeing()
	if err := h.Admit(1 << 20); err != nil {
		t.Errorf("a MiB for what frees more: %v", err)
	}
	wantFault(t, h.Admit(left), fault.Full, "in reserve")
	done()
	wantFault(t, h.Admit(1), fault.Full, "in reserve")
}
