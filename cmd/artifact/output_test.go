package main

import "testing"

func TestWhatAnInterruptedCommandSays(t *testing.T) {
	for _, c := range []struct {
		o    output
		want string
	}{
		{output{command: "put"}, "interrupted; nothing was published"},
		{output{command: "get"}, "interrupted; the same command goes on from here"},
		{output{command: "get", streams: true}, "interrupted; the output is not whole"},
		{output{command: "ls"}, "interrupted"},
	} {
		if got := c.o.afterInterrupt(); got != c.want {
			t.Errorf("%s: %q, want %q", c.o.command, got, c.want)
		}
	}
}
