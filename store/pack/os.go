package pack

import "github.com/tegwick/artifact-store/dag/fault"

// OSOptions are choices of [OS].
type OSOptions struct {
	// Buffered writes through the page cache even where O_DIRECT works.
	Buffered bool
}

// OS returns the directory dir of the operating system as an [FS]. On Linux
// it writes with O_DIRECT where the file system takes it (tried once, on an
// unnamed file) and reads through the page cache; elsewhere both go through
// the page cache. dir must exist, else [fault.NotFound].
func OS(dir string, opt OSOptions) (FS, error) {
	return nil, fault.New(fault.Unavailable, "open directory", dir, "not written yet")
}
