package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// exits CODE COMMAND... runs a command that must end with the exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var e *exec.ExitError
		if !errors.As(err, &e) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = e.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// field FILE NAME OP VALUE holds a field of a JSON object against a value. OP
// is =, < or >; FILE may be stdout or stderr.
func field(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: field FILE NAME OP VALUE")
	}
	d := json.NewDecoder(bytes.NewBufferString(ts.ReadFile(args[0])))
	d.UseNumber()
	var object map[string]any
	ts.Check(d.Decode(&object))
	value, ok := object[args[1]]
	if !ok {
		ts.Fatalf("there is no field %q in %v", args[1], object)
	}
	got, want := fmt.Sprint(value), args[3]
	holds := got == want
	if args[2] != "=" {
		a, errA := strconv.ParseFloat(got, 64)
		b, errB := strconv.ParseFloat(want, 64)
		ts.Check(errors.Join(errA, errB))
		holds = args[2] == "<" && a < b || args[2] == ">" && a > b
	}
	if holds == neg {
		ts.Fatalf("%s is %s, want %s %s", args[1], got, args[2], want)
	}
}

// flip TEXT FILE... changes the first byte of the first place that holds TEXT.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: flip TEXT FILE...")
	}
	for _, name := range args[1:] {
		matches, err := filepath.Glob(ts.MkAbs(name))
		ts.Check(err)
		for _, path := range matches {
			data, err := os.ReadFile(path)
			ts.Check(err)
			if at := bytes.Index(data, []byte(args[0])); at >= 0 {
				data[at] ^= 1
				ts.Check(os.WriteFile(path, data, 0o600))
				return
			}
		}
	}
	ts.Fatalf("%q is in none of the files", args[0])
}

// generate FILE SIZE SEED writes bytes that do not compress, the same for the
// same seed.
func generate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: generate FILE SIZE SEED")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var seed [32]byte
	copy(seed[:], args[2])
	data := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(data) // never fails
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o666))
}

// sametree A B compares names, kinds, permissions, link targets and content.
func sametree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sametree A B")
	}
	a, b := tree(ts, args[0]), tree(ts, args[1])
	for path, what := range a {
		if b[path] != what {
			ts.Fatalf("%s: %.80q in %s, %.80q in %s", path, what, args[0], b[path], args[1])
		}
	}
	if len(a) != len(b) {
		ts.Fatalf("%d entries in %s, %d in %s", len(a), args[0], len(b), args[1])
	}
}

func tree(ts *testscript.TestScript, root string) map[string]string {
	root = ts.MkAbs(root)
	found := make(map[string]string)
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := info.Mode().String() + " "
		switch {
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			found[path[len(root):]] = target
			return err
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			found[path[len(root):]] = what + string(data)
			return err
		}
		found[path[len(root):]] = what
		return nil
	}))
	return found
}

// held is a command that waits for its input.
type held struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr bytes.Buffer
}

type heldKey struct{}

// heldInput is more than a pipe and its readers take before somebody works on it.
const heldInput = 8 << 20

// hold COMMAND... starts a command that reads standard input, and returns once
// it is at work on that.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: hold COMMAND...")
	}
	h := &held{cmd: exec.Command(binary(ts, args[0]), args[1:]...)}
	h.cmd.Dir, h.cmd.Stderr = ts.MkAbs("."), &h.stderr
	h.cmd.Env = os.Environ()
	for _, name := range []string{"ARTIFACT_DIR", "ARTIFACT_STATE_DIR"} {
		h.cmd.Env = append(h.cmd.Env, name+"="+ts.Getenv(name))
	}
	var err error
	h.stdin, err = h.cmd.StdinPipe()
	ts.Check(err)
	ts.Check(h.cmd.Start())
	ts.Defer(func() {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
	})
	data := make([]byte, heldInput)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	_, err = h.stdin.Write(data)
	ts.Check(err)
	ts.Setenv("HELD", strconv.Itoa(h.cmd.Process.Pid))
	ts.Value(heldKey{}).(map[string]*held)["it"] = h
}

func binary(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path, err := exec.LookPath(filepath.Join(dir, name))
		if err == nil {
			return path
		}
	}
	ts.Fatalf("there is no command %s", name)
	return ""
}

// release FILE lets the held command read the end of its input, which it must
// survive, and puts what it said into FILE.
func release(ts *testscript.TestScript, neg bool, args []string) {
	h := theHeld(ts)
	ts.Check(h.stdin.Close())
	ts.Check(h.cmd.Wait())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), h.stderr.Bytes(), 0o666))
}

// signal NAME CODE FILE sends the held command a signal, INT or TERM, on which
// it must end with the exit code.
func signalHeld(ts *testscript.TestScript, neg bool, args []string) {
	h := theHeld(ts)
	sig := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}[args[0]]
	ts.Check(h.cmd.Process.Signal(sig))
	_ = h.cmd.Wait()
	if got := strconv.Itoa(h.cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("exit code %s, want %s; it said %s", got, args[1], h.stderr.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), h.stderr.Bytes(), 0o666))
}

func theHeld(ts *testscript.TestScript) *held {
	h := ts.Value(heldKey{}).(map[string]*held)["it"]
	if h == nil {
		ts.Fatalf("no command is held")
	}
	return h
}
