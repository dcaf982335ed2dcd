package badger

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	dgraph "github.com/dgraph-io/badger/v4"
)

// logger hands Badger's messages to slog, all at debug level: what matters to
// anyone else comes back as an error.
type logger struct{ log *slog.Logger }

func newLogger(l *slog.Logger) dgraph.Logger {
	if l == nil {
		return nil
	}
	return logger{l}
}

func (l logger) say(severity, format string, args []any) {
	if !l.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	l.log.Debug(strings.TrimSpace(fmt.Sprintf(format, args...)), "from", "badger", "severity", severity)
}

func (l logger) Errorf(f string, args ...any)   { l.say("error", f, args) }
func (l logger) Warningf(f string, args ...any) { l.say("warning", f, args) }
func (l logger) Infof(f string, args ...any)    { l.say("info", f, args) }
func (l logger) Debugf(f string, args ...any)   { l.say("debug", f, args) }
