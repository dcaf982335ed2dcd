package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tegwick/artifact-store/dag/fault"
)

// terminal is a pseudo-terminal: what a person has, and what the program has.
type terminal struct {
	person, program *os.File
}

func newTerminal(t *testing.T) terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no pseudo-terminal here:", err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	person := os.NewFile(uintptr(fd), "ptmx")
	program, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = person.Close(), program.Close() })
	return terminal{person, program}
}

func (m terminal) echoes(t *testing.T) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(m.program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// said is what the program writes to standard error, a write at a time.
type said chan string

func (s said) Write(p []byte) (int, error) {
	s <- string(p)
	return len(p), nil
}

// await waits until the program has asked, and hides what is typed.
func (m terminal) await(t *testing.T, s said, question string) {
	t.Helper()
	for text := range s {
		if strings.Contains(text, question) {
			break
		}
	}
	for m.echoes(t) {
		runtime.Gosched()
	}
}

// enter is the end of a line on a terminal.
const enter = "\n"

func TestPassphraseOnATerminal(t *testing.T) {
	environ(t, nil)
	for name, c := range map[string]struct {
		typed []string
		want  string
		kind  fault.Kind
	}{
		"once":             {[]string{"correct horse" + enter}, "correct horse", 0},
		"empty":            {[]string{enter}, "", 0},
		"confirmed":        {[]string{"battery" + enter, "battery" + enter}, "battery", 0},
		"another":          {[]string{"battery" + enter, "staple" + enter}, "", fault.Invalid},
		"too long":         {[]string{strings.Repeat("x", maxPassphrase+1) + enter}, "", fault.TooLarge},
		"with a backspace": {[]string{"ab\x7fc" + enter}, "ac", 0},
	} {
		t.Run(name, func(t *testing.T) {
			m, s := newTerminal(t), make(said, 16)
			type result struct {
				got []byte
				err error
			}
			done := make(chan result, 1)
			go func() {
				got, err := askPassphrase(t.Context(), m.program, s, len(c.typed) > 1)
				done <- result{got, err}
			}()
			for i, line := range c.typed {
				m.await(t, s, []string{"Passphrase for the key ci: ", "The same again: "}[i])
				if _, err := m.person.WriteString(line); err != nil {
					t.Fatal(err)
				}
			}
			r := <-done
			if string(r.got) != c.want || fault.KindOf(r.err) != c.kind || (r.err != nil) != (c.kind != 0) {
				t.Errorf("%q, %v (%v); want %q (%v)", r.got, r.err, fault.KindOf(r.err), c.want, c.kind)
			}
			if !m.echoes(t) {
				t.Error("the terminal hides what is typed still")
			}
			// What the terminal showed ends with a mark of ours.
			if _, err := m.program.WriteString("#"); err != nil {
				t.Fatal(err)
			}
			shown := make([]byte, 4096)
			n, err := m.person.Read(shown)
			if err != nil || string(shown[:n]) != "#" {
				t.Errorf("the terminal showed %q (%v)", shown[:n], err)
			}
		})
	}
}

// An interrupt ends the question, and the terminal is as it was.
func TestPassphraseInterrupted(t *testing.T) {
	environ(t, nil)
	m, s := newTerminal(t), make(said, 16)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped, done := errors.New("stopped"), make(chan error, 1)
	go func() {
		_, err := askPassphrase(ctx, m.program, s, true)
		done <- err
	}()
	m.await(t, s, "Passphrase")
	cancel(stopped)
	if err := <-done; !errors.Is(err, stopped) {
		t.Errorf("it says %v", err)
	}
	if !m.echoes(t) {
		t.Error("the terminal hides what is typed still")
	}
	// The read that was left ends with its line.
	if _, err := m.person.WriteString(enter); err != nil {
		t.Fatal(err)
	}
}
