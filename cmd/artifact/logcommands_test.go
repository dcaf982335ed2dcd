package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// vkey NAMESPACE VARIABLE puts the verifier key of a log into the environment.
func vkey(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: vkey NAMESPACE VARIABLE")
	}
	ts.Check(ts.Exec("artifact", "log", "ls", "--json"))
	for line := range bytes.Lines([]byte(ts.ReadFile("stdout"))) {
		var l struct{ Namespace, Key string }
		ts.Check(json.Unmarshal(line, &l))
		if l.Namespace == args[0] {
			ts.Setenv(args[1], l.Key)
			return
		}
	}
	ts.Fatalf("there is no log of %s", args[0])
}

// value FILE NAME VARIABLE puts a field of a JSON object into the environment.
func value(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: value FILE NAME VARIABLE")
	}
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &object))
	text, ok := object[args[1]].(string)
	if !ok {
		ts.Fatalf("there is no text %q in %v", args[1], object)
	}
	ts.Setenv(args[2], text)
}

// follower is a command that runs beside the script.
type follower struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

type followerKey struct{}

// follow COMMAND... starts a command that prints until it is interrupted, and
// returns once it has printed a line.
func follow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: follow COMMAND...")
	}
	cmd := exec.Command(binary(ts, args[0]), args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "ARTIFACT_DIR="+ts.Getenv("ARTIFACT_DIR"), "ARTIFACT_STATE_DIR="+ts.Getenv("ARTIFACT_STATE_DIR"), "HOME="+ts.Getenv("HOME"))
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill() // it has ended, where all went well
		_ = cmd.Wait()
	})
	f := &follower{cmd, bufio.NewScanner(out)}
	ts.Value(followerKey{}).(map[string]*follower)["it"] = f
	if !f.lines.Scan() {
		ts.Fatalf("it printed nothing")
	}
}

// follows PATTERN waits until the command has printed a line that matches.
func follows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: follows PATTERN")
	}
	f := ts.Value(followerKey{}).(map[string]*follower)["it"]
	want := regexp.MustCompile(args[0])
	for f.lines.Scan() {
		if want.MatchString(f.lines.Text()) {
			return
		}
	}
	ts.Fatalf("it ended without %s", args[0])
}

// unfollow CODE interrupts the command, which must print nothing more and end
// with the exit code.
func unfollow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: unfollow CODE")
	}
	f := ts.Value(followerKey{}).(map[string]*follower)["it"]
	ts.Check(f.cmd.Process.Signal(os.Interrupt))
	for f.lines.Scan() {
		ts.Fatalf("it printed %s", f.lines.Text())
	}
	_ = f.cmd.Wait()
	if got := strconv.Itoa(f.cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// retry COMMAND... runs a command that must succeed, again for as long as
// another process holds the directory.
func retry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: retry COMMAND...")
	}
	for {
		err := ts.Exec(args[0], args[1:]...)
		var e *exec.ExitError
		if errors.As(err, &e) && e.ExitCode() == exitLocked {
			continue
		}
		ts.Check(err)
		return
	}
}
