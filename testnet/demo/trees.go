package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// everyNth file of the copy is edited.
const everyNth = 20

// copyEdited copies the tree from to the new directory to, and adds a line to
// some of the files.
func copyEdited(ctx context.Context, from, to string) (files, edited int, err error) {
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case !d.Type().IsRegular():
			return ctx.Err()
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if files++; files%everyNth == 0 {
			edited++
			data = append(data, "// One line more.\n"...)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, data, info.Mode().Perm()|0o200); err != nil {
			return err
		}
		return ctx.Err()
	})
	return files, edited, err
}

// compare holds every entry of want against got, and the other way round by
// number. It returns how many there are.
func compare(ctx context.Context, want, got string) (int, error) {
	n, err := each(want, func(rel string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return same(filepath.Join(want, rel), filepath.Join(got, rel))
	})
	if err != nil {
		return n, err
	}
	m, err := each(got, func(string) error { return ctx.Err() })
	if err == nil && m != n {
		err = fmt.Errorf("%d entries in %s, %d in %s", n, want, m, got)
	}
	return n, err
}

// each calls fn with every entry beneath root, by its path from there, and
// returns how many there are.
func each(root string, fn func(rel string) error) (n int, err error) {
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		n++
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return fn(rel)
	})
	return n, err
}

// same compares two entries: their kind and permissions, and content.
func same(a, b string) error {
	infoA, err := os.Lstat(a)
	if err != nil {
		return err
	}
	infoB, err := os.Lstat(b)
	if err != nil {
		return err
	}
	if infoA.Mode() != infoB.Mode() {
		return fmt.Errorf("%s is %s, %s is %s", a, infoA.Mode(), b, infoB.Mode())
	}
	if !infoA.Mode().IsRegular() {
		return nil
	}
	dataA, err := os.ReadFile(a)
	if err != nil {
		return err
	}
	dataB, err := os.ReadFile(b)
	if err == nil && !bytes.Equal(dataA, dataB) {
		err = fmt.Errorf("%s and %s differ", a, b)
	}
	return err
}
