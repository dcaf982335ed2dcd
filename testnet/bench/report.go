//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// row is one figure.
type row struct {
	what   string
	got    string
	goal   string
	met    bool
	detail string // the two sides, and how many rounds
}

// atLeast adds the figure "ratio of ours to theirs", which should be large.
func (b *bench) atLeast(what string, ratios []float64, goal float64, detail string) {
	m := median(ratios)
	b.rows = append(b.rows, row{what, fmt.Sprintf("%.2f", m), fmt.Sprintf(">= %g", goal), m >= goal, detail})
}

// atMost adds a figure that should be small.
func (b *bench) atMost(what string, values []float64, goal float64, unit, detail string) {
	m := median(values)
	b.rows = append(b.rows, row{what, fmt.Sprintf("%.3g%s", m, unit), fmt.Sprintf("<= %g%s", goal, unit), m <= goal, detail})
}

func (b *bench) report(path string) error {
	var s strings.Builder
	s.WriteString("# Benchmarks\n\nWritten by `make bench` (`go run ./testnet/bench`), which measures all of this anew. ")
	fmt.Fprintf(&s, "Each figure is a ratio of what was\nmeasured side by side in one run, the median of %d rounds unless it says otherwise. ", b.rounds)
	s.WriteString("Peers are Debian's\npackages: `apt-get install -y restic borgbackup b3sum`.\n\n")
	fmt.Fprintf(&s, "Machine: %s, %d cores, %s/%s, Linux %s, %s; %s.\n", cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		output("uname", "-r"), runtime.Version(), time.Now().UTC().Format("2006-01-02"))
	fmt.Fprintf(&s, "Corpus: %d MB: the Go toolchain as a tar, random data, and log text.\n\n", b.corpus.bytes/1e6)
	s.WriteString("| figure | measured | goal | | detail |\n|---|---|---|---|---|\n")
	missed := 0
	for _, r := range b.rows {
		mark := "met"
		if !r.met {
			mark = "**missed**"
			missed++
		}
		fmt.Fprintf(&s, "| %s | %s | %s | %s | %s |\n", r.what, r.got, r.goal, mark, r.detail)
	}
	fmt.Fprintf(&s, "\n%d figures, %d missed.\n", len(b.rows), missed)
	for _, n := range b.notes {
		s.WriteString("\n" + n + "\n")
	}
	fmt.Print(s.String())
	if path == "-" {
		return nil
	}
	return os.WriteFile(path, []byte(s.String()), 0o644)
}

func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return "unknown processor"
}
