//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// took is what a command cost.
type took struct {
	seconds float64
	rss     int64 // largest resident size, bytes
	stdout  []byte
}

// command runs a program to its end and says what it cost.
func command(ctx context.Context, env []string, name string, args ...string) (took, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return took{}, err
	}
	ended, peak := make(chan struct{}), make(chan int64)
	go func() { peak <- watchMemory(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	t := took{seconds: time.Since(began).Seconds(), stdout: out.Bytes()}
	close(ended)
	t.rss = <-peak
	if err != nil {
		return took{}, fmt.Errorf("%s %v: %w\n%s", name, args, err, errs.Bytes())
	}
	return t, nil
}

// watchMemory returns the largest resident size of a process until it ends.
// The kernel's own figure, ru_maxrss, begins with that of whoever started it.
func watchMemory(pid int, ended <-chan struct{}) (peak int64) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return peak
		case <-tick.C:
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err != nil {
				continue
			}
			for line := range strings.Lines(string(text)) {
				var kib int64
				if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
					peak = max(peak, kib<<10)
				}
			}
		}
	}
}

// artifact runs the program under test on a store; the marks of stores are in
// the scratch directory too.
func (b *bench) artifact(ctx context.Context, dir string, args ...string) (took, error) {
	env := []string{"ARTIFACT_STATE_DIR=" + filepath.Join(b.work, "state")}
	return command(ctx, env, b.binary, append([]string{"--dir", dir, "--json"}, args...)...)
}

// decode reads a command's JSON.
func decode[T any](t took) (v T, err error) {
	err = json.Unmarshal(t.stdout, &v)
	return v, err
}

// has reports whether a peer is installed, and notes where it is not.
func (b *bench) has(name string) bool {
	if _, err := exec.LookPath(name); err == nil {
		return true
	}
	note := name + " is not installed and is left out."
	if !slices.Contains(b.notes, note) {
		b.notes = append(b.notes, note)
		fmt.Fprintln(os.Stderr, note)
	}
	return false
}

// fresh returns a path in the scratch directory at which nothing is.
func (b *bench) fresh(name string) (string, error) {
	p := filepath.Join(b.work, name)
	return p, os.RemoveAll(p)
}

// diskBytes is what a tree takes on disk.
func diskBytes(root string) (n int64, err error) {
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok && d.Type().IsRegular() {
			n += s.Blocks * 512
		}
		return nil
	})
	return n, err
}

// median of an odd or even number of values; 0 of none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// percentile p of durations, which it sorts.
func percentile(v []time.Duration, p float64) time.Duration {
	slices.Sort(v)
	return v[min(int(float64(len(v))*p), len(v)-1)]
}
