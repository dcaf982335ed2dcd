//go:build unix

package restore_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tegwick/artifact-store/dag"
)

func TestRestoreLeavesHoles(t *testing.T) {
	m := newMemory()
	const size = 8 << 20
	content := make([]byte, size)
	content[size-1] = 1
	root := m.manifest(t, dag.Manifest{}, dag.FileLayer("sparse", 0o644, m.blob(t, content, 64<<10)))
	target := t.TempDir()
	m.gets = 0
	run(t, m, root, target)
	info := value(os.Stat(filepath.Join(target, "sparse")))(t)
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Blocks*512 > size/4 {
		t.Errorf("%d bytes on disk for 64 KiB of content", st.Blocks*512)
	}
	if info.Size() != size {
		t.Errorf("got %d bytes, want %d", info.Size(), size)
	}
	if m.gets > 20 {
		t.Errorf("%d blocks were read for 127 chunks of zeros and one other", m.gets)
	}
}
