// Package layout holds the tests that keep the repository's shape: what stands at the top, which package may import
// which, how long a file may be, and that every package says once what it is for.
package layout
