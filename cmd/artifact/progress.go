package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// redraw is the shortest time between two drawings of the bar.
const redraw = 100 * time.Millisecond

// bar shows on a terminal how far the work is. A nil bar shows nothing.
type bar struct {
	file  *os.File
	color bool
	began time.Time

	mu    sync.Mutex // guards what follows
	drawn time.Time
	shown bool
}

// newBar returns a bar on w, or nil where w is no terminal or not to be used.
func newBar(w io.Writer, off bool) *bar {
	f, ok := w.(*os.File)
	if !ok || off || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	// https://no-color.org: any value that is not empty turns colour off.
	return &bar{file: f, color: os.Getenv("NO_COLOR") == "", began: time.Now()}
}

// show draws what is done, seldom. A total of 0 is not known.
func (b *bar) show(done, total int64, unit func(int64) string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.drawn) < redraw {
		return
	}
	b.drawn, b.shown = now, true
	width, _, err := term.GetSize(int(b.file.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	// A terminal that went away is not the work's concern.
	_, _ = io.WriteString(b.file, "\r"+line(done, total, now.Sub(b.began), width-1, b.color, unit)+"\x1b[K")
}

// clear takes the bar off the screen, for a line to be printed in its place.
func (b *bar) clear() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown {
		_, _ = io.WriteString(b.file, "\r\x1b[K")
		b.shown, b.drawn = false, time.Time{}
	}
}

// line is the bar's text, at most width columns wide.
func line(done, total int64, since time.Duration, width int, color bool, unit func(int64) string) string {
	perSecond := float64(done) / max(since.Seconds(), 1e-3)
	right := fmt.Sprintf(" %s  %s/s", unit(done), unit(int64(perSecond)))
	if total <= 0 {
		return cut(strings.TrimSpace(right), width)
	}
	done = min(done, total)
	right = fmt.Sprintf(" %3d %%  %s of %s  %s/s", done*100/total, unit(done), unit(total), unit(int64(perSecond)))
	if perSecond > 0 {
		left := time.Duration(float64(total-done) / perSecond * float64(time.Second))
		right += "  " + left.Round(time.Second).String() + " left"
	}
	room := min(width-len(right), 40)
	if room < 10 {
		return cut(strings.TrimSpace(right), width)
	}
	full := int(int64(room) * done / total)
	filled, empty := strings.Repeat("=", full), strings.Repeat("-", room-full)
	if color {
		filled = "\x1b[32m" + filled + "\x1b[0m"
	}
	return filled + empty + right
}

func cut(s string, width int) string { return s[:min(len(s), max(width, 0))] }

// bytesDone returns what tells the bar of bytes.
func (b *bar) bytesDone(done, total int64) { b.show(done, total, size[int64]) }

// stepsDone tells the bar of things that are counted.
func (b *bar) stepsDone(done, total int) {
	b.show(int64(done), int64(total), func(n int64) string { return fmt.Sprint(n) })
}
