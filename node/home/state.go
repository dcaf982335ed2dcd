package home

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"github.com/tegwick/artifact-store/dag/fault"
)

// stateEnv names, in the environment, the directory of watermarks.
const stateEnv = "ARTIFACT_STATE_DIR"

// Watermark returns the watermark of the store, in the directory state or, where
// that is "", in the one that ARTIFACT_STATE_DIR names, or else in
// artifact-store in the user's directory for state (XDG Base Directory
// Specification, or what the system has in its place). It touches nothing yet.
func (h *Home) Watermark(state string) *Watermark {
	w := &Watermark{id: h.id, now: h.space.now}
	if state == "" {
		state = os.Getenv(stateEnv)
	}
	w.explicit = state != ""
	var err error
	if !w.explicit {
		state, err = defaultStateDir()
	}
	if err == nil {
		state, err = filepath.Abs(state)
	}
	if err != nil {
		err = fault.Wrap(fault.Unavailable, opMark, "", err)
	} else if isWithin(h.dir, state) {
		err = fault.New(fault.Invalid, opMark, state, "it is within the store, and an older copy of the store would have an older mark with it")
	}
	w.err = fault.Hint(err, "name a directory outside of the store: %s", stateEnv)
	w.path = filepath.Join(state, hex.EncodeToString(h.id[:])+".mark")
	return w
}

// defaultStateDir is where the marks of a user's stores are when nothing says
// otherwise.
func defaultStateDir() (string, error) {
	// Where data and state have one directory, the other name is of a store.
	const name, beside = "artifact-store", "artifact-store-state"
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, name), nil
	}
	if dir := os.Getenv("LocalAppData"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, beside), nil
	}
	user, err := os.UserHomeDir()
	switch {
	case err != nil:
		return "", err
	case !filepath.IsAbs(user):
		return "", errors.New("the user's home directory is not an absolute path")
	case runtime.GOOS == "darwin":
		return filepath.Join(user, "Library", "Application Support", beside), nil
	case runtime.GOOS == "windows":
		return filepath.Join(user, "AppData", "Local", beside), nil
	}
	return filepath.Join(user, ".local", "state", name), nil
}

// isWithin reports whether path is dir or beneath it, links resolved as far as
// there is something.
func isWithin(dir, path string) bool {
	rel, err := filepath.Rel(resolve(dir), resolve(path))
	return err == nil && filepath.IsLocal(rel)
}

func resolve(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if parent := filepath.Dir(path); err != nil && parent != path {
		return filepath.Join(resolve(parent), filepath.Base(path))
	}
	if err != nil {
		return path
	}
	return real
}
