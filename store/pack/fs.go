package pack

import (
	"io"
	"unsafe"
)

// FS is a flat directory of segment files. Its methods may be called
// concurrently. A name is a plain file name; another is [fault.Invalid].
type FS interface {
	// Create makes a file that must not exist ([fault.Conflict] where it
	// does) and reserves size bytes for it where the system can; the file
	// reads as zeros up to size. Its directory entry is durable on return.
	// No space is [fault.Full], and leaves nothing behind.
	Create(name string, size int64) (File, error)
	// Open opens an existing file for reading and writing; where writing is
	// not permitted the first write says so. An absent file is
	// [fault.NotFound].
	Open(name string) (File, error)
	// Remove unlinks a file, durably on return. An absent file is
	// [fault.NotFound]. On Windows the file must not be open.
	Remove(name string) error
	// List returns the names of all files, sorted.
	List() ([]string, error)
}

// File is one open segment file. Reads may run concurrently with each other
// and with a write; writes, Sync and Truncate are for one caller at a time.
// A reader sees a write once WriteAt has returned.
type File interface {
	io.ReaderAt
	// WriteAt writes all of p or fails. The offset, the length and the memory
	// of p (see [Buffer]) must be multiples of [Align], else [fault.Invalid].
	// Writing beyond the end grows the file. No space is [fault.Full].
	io.WriterAt
	// Sync returns when all data written and the size are durable. After it
	// failed it is unknown what is, and asking again would not tell.
	Sync() error
	// Truncate sets the size; what it adds reads as zeros.
	Truncate(size int64) error
	// Size returns the current size in bytes.
	Size() (int64, error)
	io.Closer
}

// Preallocator is a [File] that can reserve space. Files of [OS] can.
type Preallocator interface {
	// Preallocate reserves space up to size and grows the file to it where it
	// is shorter. No space is [fault.Full].
	Preallocate(size int64) error
}

// Buffer returns n zero bytes whose memory is aligned to [Align].
func Buffer(n int) []byte {
	b := make([]byte, n+Align)
	skip := 0
	if odd := int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) % Align); odd != 0 {
		skip = Align - odd
	}
	return b[skip : skip+n : skip+n]
}

// Aligned reports whether a [File] may be asked to write p at off.
func Aligned(p []byte, off int64) bool {
	return off >= 0 && off%Align == 0 && len(p)%Align == 0 &&
		uintptr(unsafe.Pointer(unsafe.SliceData(p)))%Align == 0
}

// up rounds n up to a multiple of [Align].
func up[N int | int64](n N) N { return (n + Align - 1) / Align * Align }
