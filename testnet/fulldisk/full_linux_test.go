package fulldisk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/tegwick/artifact-store/dag/fault"
	"github.com/tegwick/artifact-store/testnet/fixture"
)

const mib = 192

// site is a store on a small disk, and what was put into it.
type site struct {
	fixture.Program
	disk string
	in   string            // where inputs are made; elsewhere
	kept map[string][]byte // content by reference

	next uint64
}

func newSite(t *testing.T) *site {
	mount := disk(t, mib)
	s := &site{disk: mount, in: t.TempDir(), kept: make(map[string][]byte)}
	s.Program = fixture.Program{Path: fixture.Build(t), Dir: filepath.Join(mount, "store")}
	t.Cleanup(func() { fixture.Sound(t, s.Dir) })
	return s
}

// put puts size new bytes, and remembers them if that is acknowledged.
func (s *site) put(t *testing.T, size int) fixture.Outcome {
	t.Helper()
	s.next++
	data, path := fixture.Bytes(s.next, size), filepath.Join(s.in, "data")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ref := fmt.Sprintf("full/disk:v%d", s.next)
	out := s.Run(t, "put", path, "--as", ref)
	if out.Code == 0 {
		s.kept[ref] = data
	}
	return out
}

// fill puts until the disk is full, first in large pieces and then in small
// ones, and returns how many bytes were taken.
func (s *site) fill(t *testing.T) int {
	t.Helper()
	sum := 0
	for _, size := range []int{16 << 20, 1 << 20, 64 << 10} {
		for {
			out := s.put(t, size)
			if out.Code != 0 {
				wantFull(t, out)
				break
			}
			sum += size
		}
	}
	return sum
}

// wantFull checks that a command failed as it should on a full disk.
func wantFull(t *testing.T, out fixture.Outcome) {
	t.Helper()
	if out.Code != 1 || out.Kind != fault.Full || out.Hint == "" {
		t.Fatalf("exit code %d, kind %v, hint %q; want 1, full and a hint\n%s", out.Code, out.Kind, out.Hint, out.Stderr)
	}
}

// wantKept checks that all is there that was acknowledged, and nothing else.
func (s *site) wantKept(t *testing.T) {
	t.Helper()
	listed := 0
	for line := range bytes.Lines(s.Must(t, "ls").Stdout) {
		var a struct{ Ref string }
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		listed++
		if _, ok := s.kept[a.Ref]; !ok {
			t.Errorf("%s is listed and was not acknowledged", a.Ref)
		}
	}
	if listed != len(s.kept) {
		t.Errorf("%d artifacts are listed of %d that were acknowledged", listed, len(s.kept))
	}
	for ref, want := range s.kept {
		if got := s.Must(t, "get", ref, "-o", "-"); !bytes.Equal(got.Stdout, want) {
			t.Errorf("%s has other content", ref)
		}
	}
}

// remove removes a part of what is there.
func (s *site) remove(t *testing.T, part float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	for ref := range s.kept {
		if r.Float64() < part {
			s.Must(t, "rm", ref)
			delete(s.kept, ref)
		}
	}
}

// A store fills its disk. What was acknowledged stays, removing and collecting
// gives the room back on the full disk itself, and then there is room again.
func TestFill(t *testing.T) {
	for _, part := range []float64{1, 0.5} {
		t.Run(fmt.Sprintf("remove %v", part), func(t *testing.T) {
			s := newSite(t)
			sum := s.fill(t)
			t.Logf("%d MiB of %d were taken; %d MiB are free", sum>>20, mib, free(t, s.disk)>>20)
			if sum < mib<<20/3 {
				t.Errorf("only %d MiB of %d were taken", sum>>20, mib)
			}
			s.wantKept(t)
			before := free(t, s.disk)
			s.remove(t, part)
			s.Must(t, "gc")
			t.Logf("%d MiB were free before the collection, %d are after", before>>20, free(t, s.disk)>>20)
			s.wantKept(t)
			if out := s.put(t, 16<<20); out.Code != 0 {
				t.Errorf("after the collection nothing fits: %s", out.Stderr)
			}
			s.wantKept(t)
		})
	}
}

// One artifact that is larger than the disk is refused whole.
func TestLargerThanTheDisk(t *testing.T) {
	s := newSite(t)
	if out := s.put(t, 1<<20); out.Code != 0 {
		t.Fatal(out.Stderr)
	}
	wantFull(t, s.put(t, (mib+64)<<20))
	s.wantKept(t)
	s.Must(t, "gc")
	if out := s.put(t, 16<<20); out.Code != 0 {
		t.Errorf("after what was left is collected: %s", out.Stderr)
	}
	s.wantKept(t)
}

// Others fill the disk while the store has little on it.
func TestOthersFill(t *testing.T) {
	s := newSite(t)
	for range 4 {
		if out := s.put(t, 4<<20); out.Code != 0 {
			t.Fatal(out.Stderr)
		}
	}
	others := filepath.Join(s.disk, "others")
	for _, left := range []int64{24 << 20, 8 << 20, 0} {
		fill(t, others, left)
		t.Logf("%d MiB are left", free(t, s.disk)>>20)
		for _, args := range [][]string{{"ls"}, {"put", s.in, "--as", "full/disk:others"}, {"gc"}, {"fsck"}} {
			out := s.Run(t, args...)
			t.Logf("%q: %d %s", args, out.Code, out.Text)
			if out.Code != 0 {
				wantFull(t, out)
			} else if args[0] == "put" {
				s.Must(t, "rm", "full/disk:others")
			}
		}
		if err := os.Remove(others); err != nil {
			t.Fatal(err)
		}
		s.wantKept(t)
	}
	if out := s.put(t, 4<<20); out.Code != 0 {
		t.Errorf("once others made room: %s", out.Stderr)
	}
}

// A disk that has become read-only is refused with a clear word, and is as it
// was when it is writable again.
func TestReadOnly(t *testing.T) {
	s := newSite(t)
	if out := s.put(t, 4<<20); out.Code != 0 {
		t.Fatal(out.Stderr)
	}
	remount(t, s.disk, true)
	for _, args := range [][]string{{"ls"}, {"put", s.in}, {"get", "full/disk:v1", "-o", "-"}, {"verify", "full/disk:v1"}, {"gc"}, {"fsck"}} {
		out := s.Run(t, args...)
		t.Logf("%q: %d %s", args, out.Code, out.Text)
		if out.Code != 5 || out.Kind != fault.Denied || out.Hint == "" {
			t.Errorf("%q: exit code %d, kind %v, hint %q; want 5, denied and a hint", args, out.Code, out.Kind, out.Hint)
		}
	}
	remount(t, s.disk, false)
	s.wantKept(t)
}
