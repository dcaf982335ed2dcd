package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tegwick/artifact-store/dag/fault"
)

// The exit codes. They are stable: scripts depend on them.
const (
	exitError    = 1
	exitUsage    = 2
	exitNotFound = 3
	exitCorrupt  = 4
	exitDenied   = 5
	exitLocked   = 6
	exitSignal   = 128 // and the signal's number
)

// exitCodes are those of the kinds that have one; the others are exitError.
var exitCodes = map[fault.Kind]int{
	fault.NotFound:    exitNotFound,
	fault.Corrupt:     exitCorrupt,
	fault.Denied:      exitDenied,
	fault.Locked:      exitLocked,
	fault.Unavailable: exitLocked, // another process holds the directory
}

// exitHelp is what the help says of them.
const exitHelp = `EXIT CODES:
   0 done   1 error   2 usage   3 not found   4 verification failed
   5 denied   6 locked, or in use by another process   130, 143 interrupted`

// failure is an error as --json shows it, on standard error.
type failure struct {
	Kind    string `json:"kind"` // of package fault, or "usage" or "interrupted"
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// fail shows err and returns the exit code for it.
func (o *output) fail(err error) int {
	o.bar.clear()
	var (
		signal interrupted
		f      = failure{Kind: fault.KindOf(err).String(), Message: err.Error(), Hint: fault.HintOf(err)}
		code   = exitError
	)
	switch {
	case errors.As(err, &signal):
		f = failure{Kind: "interrupted", Message: o.afterInterrupt()}
		code = exitSignal + int(signal.signal)
	case isUsage(err):
		f.Kind, code = "usage", exitUsage
		if f.Hint == "" {
			f.Hint = "see: " + o.helpCommand()
		}
	default:
		if c, ok := exitCodes[fault.KindOf(err)]; ok {
			code = c
		}
	}
	if o.json {
		// Nothing is left to tell where standard error cannot be written to.
		_ = json.NewEncoder(o.stderr).Encode(map[string]failure{"error": f})
		return code
	}
	fmt.Fprintf(o.stderr, "artifact: %s\n", f.Message)
	if f.Hint != "" {
		fmt.Fprintf(o.stderr, "hint: %s\n", f.Hint)
	}
	return code
}

// cause makes an error of a context that ended say why.
func cause(ctx context.Context, err error) error {
	var signal interrupted
	if err != nil && errors.As(context.Cause(ctx), &signal) {
		return signal
	}
	return err
}
