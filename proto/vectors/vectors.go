// Package vectors holds examples of the protocol that every client's codec must pass, as JSON.
//
// The files are made by internal/gen from internal/cases; SPEC.md refers to them:
//
//   - frames.json: frames, their type and their message in Protocol Buffers' JSON form
//   - malformed.json: bytes that must be refused, and as what
//   - views.json: batches of a state channel, and what an application is told of them
package vectors

import "embed"

// Files holds the vectors by file name.
//
//go:embed *.json
var Files embed.FS
