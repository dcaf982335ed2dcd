// Command artifact keeps generated artifacts: it puts files and directories
// into a content-addressed store, and gives them back verified. This package
// turns flags into options and results into output; what is done is done in
// package node.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/urfave/cli/v2"
)

// memoryLimit is what the Go runtime collects harder to stay under, so that
// the process, with the pages it maps, stays below 256 MiB. GOMEMLIMIT takes
// its place.
const memoryLimit = 160 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run runs one command line and returns its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := interruptible(context.Background())
	defer stop()
	o := &output{stdout: stdout, stderr: stderr}
	app := newApp(o, stdin)
	args = arrange(app, args)
	o.json = slices.Contains(args, "--json") // for what is wrong before it is parsed
	err := app.RunContext(ctx, args)
	if err == nil {
		err = o.flush()
	}
	if err == nil {
		return 0
	}
	return o.fail(err)
}

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return "interrupted" }

// interruptible returns a context that the first interrupt ends. The second
// one kills the process, as if it had never been caught.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			number, _ := s.(syscall.Signal)
			cancel(interrupted{number})
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// usageError is a command line that makes no sense.
type usageError struct{ err error }

func (u usageError) Error() string { return u.err.Error() }
func (u usageError) Unwrap() error { return u.err }

func usage(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// isUsage reports whether err is about the command line. What the library
// itself finds wrong with one comes as its own type.
func isUsage(err error) bool {
	var u usageError
	var c cli.ExitCoder
	return errors.As(err, &u) || errors.As(err, &c)
}
