// Package chunk cuts content into chunks at places that the content itself
// determines, so that an edit moves only the cuts near it and the rest of the
// chunks are found again.
//
// The algorithm is FastCDC with normalised chunking, two bytes a step (W. Xia
// et al., "The Design of Fast Content-Defined Chunking for Data Deduplication
// Based Storage Systems", IEEE TPDS 31(9), 2020), over a gear hash whose table
// a vector unit can compute. Its definition is frozen: docs/formats.md and the
// golden vectors in dag/dagtest give it for other languages.
//
// # Hash
//
// Absorbing the byte b turns the hash h into (h<<1) + G[b] modulo 2^64. What is
// older than 64 bytes has been shifted out, so the hash at a position is a
// function of the 64 bytes before it and of nothing else.
//
// # Cut
//
// A chunk that starts at offset 0 of data ends after the smallest n with
//
//	min    <= n < normal  and  H(n) & strict == 0, or
//	normal <= n < max     and  H(n) & loose  == 0, or
//	n == max, or n == len(data)
//
// where H(n) is the hash of the 64 bytes data[n-64:n]. Those may lie before
// min: the condition at a position does not depend on where its chunk started.
package chunk
