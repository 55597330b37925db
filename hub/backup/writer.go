package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"weir/proto/fault"
)

// A Writer writes an archive. It checks what it writes, so that a damaged state is found out when a backup is made and not
// when one is needed. It belongs to one goroutine; the first error ends the archive.
type Writer struct {
	chunks *chunkWriter
	sum    hash.Hash // of all bytes so far
	check  checker
	rows   []byte // of the next chunk

	manifest Manifest
}

// NewWriter begins an archive. It has to be closed.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	a := &Writer{sum: sha256.New(), manifest: Manifest{Header: h}}
	var err error
	if a.chunks, err = newChunkWriter(io.MultiWriter(w, a.sum)); err != nil {
		return nil, err
	}
	if err := a.json(chunkHeader, h); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Begin begins a group: first the control group, then the shards' in order.
func (a *Writer) Begin(g Group) error {
	if int(g.Group) != len(a.manifest.Groups) {
		return fmt.Errorf("group %d is out of order", g.Group)
	}
	a.check.begin(g)
	return a.json(chunkBegin, Group{Group: g.Group, Index: g.Index, Term: g.Term})
}

// Row writes a row of the group as it is stored, in the order of keys.
func (a *Writer) Row(key, value []byte) error {
	if err := a.check.row(key, value); err != nil {
		return err
	}
	if size := len(key) + len(value); len(a.rows) > 0 && len(a.rows)+size > fullChunk {
		if err := a.flush(); err != nil {
			return err
		}
	}
	a.rows = append(binary.AppendUvarint(a.rows, uint64(len(key))), key...)
	a.rows = append(binary.AppendUvarint(a.rows, uint64(len(value))), value...)
	return nil
}

// End ends the group.
func (a *Writer) End() error {
	if err := a.flush(); err != nil {
		return err
	}
	g, err := a.check.end()
	if err != nil {
		return err
	}
	a.manifest.Groups = append(a.manifest.Groups, g)
	return a.json(chunkEnd, g)
}

// Finish ends the archive.
func (a *Writer) Finish() (*Manifest, error) {
	if len(a.manifest.Groups) != a.manifest.Shards+1 {
		return nil, fmt.Errorf("the archive has %d groups of %d", len(a.manifest.Groups), a.manifest.Shards+1)
	}
	a.manifest.SHA256 = hex.EncodeToString(a.sum.Sum(nil))
	return &a.manifest, a.json(chunkManifest, &a.manifest)
}

// A failure is why a writer gave up.
type failure struct {
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
	Hint    string     `json:"hint,omitempty"`
}

// Fail ends the archive with a reason for whoever reads it.
func (a *Writer) Fail(why error) error {
	f := fault.From(why)
	return a.json(chunkFailure, failure{f.Code, f.Message, f.Hint})
}

// Close frees memory. It writes nothing.
func (a *Writer) Close() error { return a.chunks.close() }

func (a *Writer) flush() error {
	if len(a.rows) == 0 {
		return nil
	}
	err := a.chunks.write(chunkRows, a.rows)
	a.rows = a.rows[:0]
	return err
}

func (a *Writer) json(kind byte, v any) error {
	encoded, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return a.chunks.write(kind, encoded)
}
