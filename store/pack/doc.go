// Package pack keeps bulk bytes in append-only segment files.
//
// A segment is a header block, then frames, then, once sealed, a footer. A
// frame is one block of contents (what records follow, their lengths, digests
// and checksums) and the records' stored bytes back to back, padded to [Align].
// Every block says which store and segment it belongs to and carries its own
// CRC32C, so an index over segments can be rebuilt from them alone, and bytes
// that are stale, torn or foreign never pass as a frame. The format is frozen
// and described byte by byte in docs/formats.md.
//
// Writing is by batches: a [Batch] is filled in memory where its bytes already
// have their final place, and [Writer.Append] makes it durable by one write
// and one sync. The package knows nothing of what the records mean beyond
// their [RecordType], keeps no index, starts no goroutine and has no clock.
package pack
