package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/tegwick/artifact-store/dag"
)

// output is where results, words for people and errors go.
type output struct {
	stdout, stderr io.Writer
	json, quiet    bool
	command        string // that runs
	streams        bool   // what it writes to standard output cannot be taken up again
	bar            *bar
	broken         error // the first write of a result that failed
}

// result prints what a command is run for: v as JSON, or the text.
func (o *output) result(v any, format string, args ...any) {
	o.bar.clear()
	if o.json {
		e := json.NewEncoder(o.stdout)
		e.SetEscapeHTML(false)
		o.note(e.Encode(v))
		return
	}
	_, err := fmt.Fprintf(o.stdout, format+"\n", args...)
	o.note(err)
}

// text prints a result that has no other form.
func (o *output) text(s string) {
	_, err := io.WriteString(o.stdout, s)
	o.note(err)
}

func (o *output) note(err error) {
	if o.broken == nil {
		o.broken = err
	}
}

// flush returns the error of a result that could not be printed.
func (o *output) flush() error {
	if o.broken != nil {
		return fmt.Errorf("print result: %w", o.broken)
	}
	return nil
}

// say tells a person something, on standard error.
func (o *output) say(format string, args ...any) {
	if o.quiet || o.json {
		return
	}
	o.bar.clear()
	fmt.Fprintf(o.stderr, format+"\n", args...)
}

func (o *output) afterInterrupt() string {
	switch {
	case o.command == "put":
		return "interrupted; nothing was published"
	case o.command == "get" && o.streams:
		return "interrupted; the output is not whole"
	case o.command == "get":
		return "interrupted; the same command goes on from here"
	}
	return "interrupted"
}

func (o *output) helpCommand() string {
	if o.command == "" || o.command == "help" {
		return "artifact --help"
	}
	return "artifact " + o.command + " --help"
}

// size is a number of bytes for people.
func size[N int | int64 | uint64](n N) string {
	if n < 0 {
		return "-" + humanize.IBytes(uint64(-n))
	}
	return humanize.IBytes(uint64(n))
}

// count is a number of things for people, as in "1 file" and "2,000 files".
func count[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	many := one + "s"
	if stem, ok := strings.CutSuffix(one, "y"); ok {
		many = stem + "ies"
	}
	return humanize.Comma(int64(n)) + " " + many
}

// rate is a speed for people.
func rate(bytes int64, t time.Duration) string {
	return size(int64(float64(bytes)/max(t.Seconds(), 1e-3))) + "/s"
}

// percent is a part for people; of nothing it is none.
func percent(part, whole int64) string {
	if whole == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// short is a digest as tables show it.
func short(d dag.Digest) string {
	const kept = 12
	s := d.String()
	if _, hex, ok := strings.Cut(s, ":"); ok && len(hex) > kept {
		return s[:len(s)-len(hex)+kept]
	}
	return s
}

func seconds(t time.Duration) float64 { return t.Round(time.Millisecond).Seconds() }
