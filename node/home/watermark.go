package home

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/tegwick/artifact-store/dag/fault"
)

// Mark says how far a store has come: the number of its events, and the chain
// of them all.
type Mark struct {
	Sequence uint64
	Chain    [32]byte
}

// A watermark's file has two slots that take turns, so that a write that is
// torn leaves the one before.
const (
	slotSize   = 4096
	markSize   = 8 + 32
	slotSum    = 32
	opMark     = "keep watermark"
	stateOfEnv = "ARTIFACT_STATE_DIR"
)

// Watermark keeps a store's mark outside of its directory, by the store's
// identity: a copy of the store that is brought back from a backup finds there
// how far the logs were published. It is safe for concurrent use.
type Watermark struct {
	path string
	err  error // where no place for it is known

	mu   sync.Mutex // guards all below
	file *os.File   // opened when first used
	slot int64      // that the next mark goes to
}

// Watermark returns the watermark of the store, in state or, where that is "",
// in ARTIFACT_STATE_DIR or the user's state directory (XDG Base Directory
// Specification). It touches nothing yet.
func (h *Home) Watermark(state string) *Watermark {
	if state == "" {
		state = os.Getenv(stateOfEnv)
	}
	if state == "" {
		dir, err := stateDir()
		if err != nil {
			return &Watermark{err: fault.Hint(fault.Wrap(fault.Unavailable, opMark, "", err), "name a directory: %s", stateOfEnv)}
		}
		state = filepath.Join(dir, "artifact-store")
	}
	return &Watermark{path: filepath.Join(state, hex.EncodeToString(h.id[:])+".mark")}
}

// stateDir is where a user's programs keep state.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	if dir := os.Getenv("LocalAppData"); runtime.GOOS == "windows" && dir != "" {
		return dir, nil
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(user, "Library", "Application Support"), nil
	}
	return filepath.Join(user, ".local", "state"), nil
}

// Load returns the mark that was saved last; false where none was. Of two slots
// that can be read the further counts. A file that is there without a slot that
// can be read is [fault.Corrupt].
func (w *Watermark) Load() (Mark, bool, error) {
	if w.err != nil {
		return Mark{}, false, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	data, err := os.ReadFile(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Mark{}, false, nil
	}
	if err != nil {
		return Mark{}, false, fault.Wrap(kindOf(err), opMark, w.path, err)
	}
	var last Mark
	known := false
	for slot := int64(0); slot < 2; slot++ {
		m, ok := readSlot(data, slot)
		if ok && (!known || m.Sequence >= last.Sequence) {
			last, known, w.slot = m, true, 1-slot
		}
	}
	if !known && len(data) > 0 {
		err := fault.New(fault.Corrupt, opMark, w.path, "neither of its two marks can be read")
		return Mark{}, false, fault.Hint(err, "make sure that this store is not an older copy, then remove the file")
	}
	return last, known, nil
}

func readSlot(data []byte, slot int64) (Mark, bool) {
	at := slot * slotSize
	if int64(len(data)) < at+markSize+slotSum {
		return Mark{}, false
	}
	b := data[at : at+markSize+slotSum]
	if sha256.Sum256(b[:markSize]) != [slotSum]byte(b[markSize:]) {
		return Mark{}, false
	}
	return Mark{Sequence: binary.BigEndian.Uint64(b), Chain: [32]byte(b[8:markSize])}, true
}

// Save keeps a mark. It does not wait for the disk: a crash may leave an older
// mark, which protects less and harms nothing. Errors: [fault.Unavailable]
// where there is no place for it, and the system's.
func (w *Watermark) Save(m Mark) error {
	if w.err != nil {
		return w.err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		if err := makeDir(filepath.Dir(w.path)); err != nil {
			return fault.Wrap(kindOf(err), opMark, w.path, err)
		}
		f, err := os.OpenFile(w.path, os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return fault.Wrap(kindOf(err), opMark, w.path, err)
		}
		w.file = f
	}
	b := binary.BigEndian.AppendUint64(make([]byte, 0, markSize+slotSum), m.Sequence)
	b = append(b, m.Chain[:]...)
	sum := sha256.Sum256(b)
	if _, err := w.file.WriteAt(append(b, sum[:]...), w.slot*slotSize); err != nil {
		return fault.Wrap(kindOf(err), opMark, w.path, err)
	}
	w.slot = 1 - w.slot
	return nil
}

// Close makes the last mark durable.
func (w *Watermark) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.file.Sync(), w.file.Close())
	w.file = nil
	return fault.Wrap(kindOf(err), opMark, w.path, err)
}
