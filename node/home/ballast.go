package home

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

const (
	ballastBytes    = 32 << 20
	ballastFraction = 32 // of a file system: a smaller ballast on a small one
	// ballastPlenty is how many times its size must be free above the reserve.
	ballastPlenty = 4
)

// ballastSize returns the size for what was asked, on a file system of a size.
func ballastSize(asked, total int64) int64 {
	if asked == 0 {
		return min(ballastBytes, total/ballastFraction)
	}
	return max(asked, 0)
}

func (s *space) ballastPath() string { return filepath.Join(s.dir, ballastName) }

// ballast returns how many bytes its removal frees.
func (s *space) ballast() int64 {
	info, err := os.Lstat(s.ballastPath())
	if err != nil {
		return 0
	}
	return allocated(info)
}

// makeBallast makes one of size bytes where there is none and room is plenty.
// That it cannot be made is no reason not to open the store.
func (s *space) makeBallast(size int64, r room) {
	if size == 0 || s.ballast() >= size || r.free-r.reserve-r.transient < ballastPlenty*size {
		return
	}
	if err := writeBallast(s.ballastPath(), size); err != nil {
		_ = os.Remove(s.ballastPath())
	}
}

func writeBallast(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = allocate(f, size)
	if errors.Is(err, errors.ErrUnsupported) {
		err = writeNoise(f, size)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// writeNoise fills f with what no file system can compress away.
func writeNoise(f *os.File, size int64) error {
	noise := rand.NewChaCha8([32]byte{})
	buf := make([]byte, 1<<20)
	for size > 0 {
		p := buf[:min(size, int64(len(buf)))]
		_, _ = noise.Read(p) // never fails
		if _, err := f.Write(p); err != nil {
			return err
		}
		size -= int64(len(p))
	}
	return nil
}

// releaseBallast needs s.mu, or to be alone.
func (s *space) releaseBallast() (int64, error) {
	size := s.ballast()
	s.budget = 0
	if err := os.Remove(s.ballastPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, wrap(s.ballastPath(), err)
	}
	return size, nil
}
