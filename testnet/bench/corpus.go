//go:build linux

package main

import (
	"archive/tar"
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// corpus is what is put: the Go toolchain as a tar, random data and text.
type corpus struct {
	dir    string // a directory with the three parts
	tar    string // of the toolchain
	goroot string
	mixed  string // the three parts in one file
	bytes  int64  // of dir
}

func (b *bench) makeCorpus(ctx context.Context) error {
	c := &b.corpus
	c.dir = filepath.Join(b.work, "corpus")
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		return err
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	goroot := strings.TrimSpace(string(root))
	c.goroot, c.tar = goroot, filepath.Join(c.dir, "toolchain.tar")
	if err := writeTar(c.tar, goroot, b.size, nil); err != nil {
		return err
	}
	rng := rand.NewChaCha8([32]byte{1})
	if err := writeFile(filepath.Join(c.dir, "random"), b.size, func() []byte {
		p := make([]byte, 1<<20)
		rng.Read(p)
		return p
	}); err != nil {
		return err
	}
	words := strings.Fields("artifact block chunk digest manifest log error warning info request response user node region 200 404 500 ms bytes ok failed retry")
	text := rand.New(rand.NewPCG(2, 3))
	line := 0
	if err := writeFile(filepath.Join(c.dir, "text"), b.size, func() []byte {
		var s strings.Builder
		fmt.Fprintf(&s, "%09d", line)
		for range 12 {
			s.WriteByte(' ')
			s.WriteString(words[text.IntN(len(words))])
			fmt.Fprintf(&s, "=%d", text.IntN(10000))
		}
		s.WriteByte('\n')
		line++
		return []byte(s.String())
	}); err != nil {
		return err
	}
	c.mixed = filepath.Join(b.work, "mixed")
	if err := join(c.mixed, c.tar, filepath.Join(c.dir, "random"), filepath.Join(c.dir, "text")); err != nil {
		return err
	}
	info, err := os.Stat(c.mixed)
	if err != nil {
		return err
	}
	c.bytes = info.Size()
	return nil
}

// editOneIn returns a change to one source file in n, as a next version has it:
// a line more.
func editOneIn(n int) func(name string, i int, content []byte) []byte {
	return func(name string, i int, content []byte) []byte {
		if !strings.HasSuffix(name, ".go") || i%n != 0 {
			return content
		}
		return append([]byte("// Edited for the next version.\n"), content...)
	}
}

// writeTar writes the regular files below root, at most limit bytes of them,
// without times or owners, so that the same tree gives the same tar.
func writeTar(path, root string, limit int64, change func(string, int, []byte) []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	t := tar.NewWriter(w)
	n, total := 0, int64(0)
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || total > limit {
			return err
		}
		content, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		total += int64(len(content))
		n++
		if change != nil {
			content = change(p, n, content)
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err = t.Write(content)
		return err
	})
	if err != nil {
		return err
	}
	if err := t.Close(); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// writeFile writes size bytes of what next gives.
func writeFile(path string, size int64, next func() []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	for n := int64(0); n < size; {
		p := next()
		if _, err := w.Write(p); err != nil {
			return err
		}
		n += int64(len(p))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

func join(to string, parts ...string) error {
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	defer w.Close()
	for _, p := range parts {
		r, err := os.Open(p)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, r)
		r.Close()
		if err != nil {
			return err
		}
	}
	return w.Sync()
}
