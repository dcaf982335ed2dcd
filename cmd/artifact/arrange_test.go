package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFlagsMayStandAnywhere(t *testing.T) {
	for line, want := range map[string]string{
		"put D --as a/b:v1":           "put --as a/b:v1 D",
		"put D --as=a/b:v1 E":         "put --as=a/b:v1 D E",
		"put D --json --as a/b":       "--json put --as a/b D",
		"--dir S put D":               "--dir S put D",
		"put D --dir S":               "--dir S put D",
		"put - --name x":              "put --name x -",
		"put D --blake3 E":            "put --blake3 D E",
		"put -- -d --as":              "put -- -d --as",
		"put --as":                    "put --as",
		"get R -o -":                  "get -o - R",
		"get R --path a --path b":     "get --path a --path b R",
		"ls --nosuch x":               "ls --nosuch x",
		"--help":                      "--help",
		"help put":                    "help put",
		"nosuch --as x":               "nosuch --as x",
		"get R --p " + completing:     "get R --p " + completing,
		"get --dir S R " + completing: "--dir S get R " + completing,
		"log acme --from 3":           "log --from 3 acme",
		"log ls --json":               "--json log ls",
		"log --json verify a --key k": "--json log verify --key k a",
		"log --node checkpoint":       "log --node checkpoint",
		"log acme verify":             "log acme verify",
		"":                            "",
	} {
		app := newApp(&output{stdout: io.Discard, stderr: io.Discard}, strings.NewReader(""))
		args := append([]string{"artifact"}, strings.Fields(line)...)
		got := strings.Join(arrange(app, slices.Clone(args))[1:], " ")
		if got != want {
			t.Errorf("%q becomes %q, want %q", line, got, want)
		}
	}
}

func TestBarFitsTheTerminal(t *testing.T) {
	const plainWidth = 70
	bar := line(50<<20, 100<<20, 10*time.Second, plainWidth, false, size[int64])
	if want := "  50 %  50 MiB of 100 MiB  5.0 MiB/s  10s left"; !strings.HasSuffix(bar, want) || !strings.HasPrefix(bar, "====") {
		t.Errorf("got %q, want a bar and %q", bar, want)
	}
	if got := line(50<<20, 100<<20, 10*time.Second, plainWidth, true, size[int64]); !strings.Contains(got, "\x1b[32m=") {
		t.Errorf("%q has no colour", got)
	}
	for width := range 100 {
		for _, total := range []int64{0, 1, 1 << 50} {
			if got := line(7<<30, total, time.Hour, width, false, size[int64]); len(got) > width {
				t.Errorf("%q is wider than %d", got, width)
			}
		}
	}
	if got := line(1<<20, 0, time.Second, plainWidth, false, size[int64]); got != "1.0 MiB  1.0 MiB/s" {
		t.Errorf("without a total: %q", got)
	}
}

func TestPlainLetsNothingReachTheTerminal(t *testing.T) {
	for _, s := range []string{"a\x1b[2Jb", "a\nb", "a\rb", "\u202e", "\xff", `a"b`} {
		if got := plain(s); strings.ContainsAny(got, "\x1b\n\r\u202e") || got == s {
			t.Errorf("%q is shown as %q", s, got)
		}
	}
	for _, s := range []string{"", "a b", "ärger/日本"} {
		if got := plain(s); got != s {
			t.Errorf("%q is shown as %q", s, got)
		}
	}
}
