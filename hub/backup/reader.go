package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"reflect"

	"weir/hub/internal/store"
	"weir/proto/fault"
)

// maxGroups bounds what an archive may say of itself: no region has so many.
const maxGroups = 1 << 10

// A receiver takes the parts of an archive as they have been checked. What is only seen at its end, that rows are missing, it
// learns by the error of read.
type receiver interface {
	header(Header) error
	begin(Group) error
	row(key, value []byte) error
	end(Group) error
}

// A reading is the reading of one archive. It belongs to one goroutine.
type reading struct {
	chunks *chunkReader
	sum    hash.Hash // of all bytes so far
	to     receiver
	check  checker

	manifest Manifest
	open     bool // whether a group is
}

// read reads an archive and checks all that is in it.
func read(r io.Reader, to receiver, check checker) (_ *Manifest, err error) {
	a := &reading{sum: sha256.New(), to: to, check: check}
	if a.chunks, err = newChunkReader(io.TeeReader(r, a.sum)); err != nil {
		return nil, err
	}
	defer a.chunks.close()
	if err := a.readHeader(); err != nil {
		return nil, err
	}
	for {
		before := hex.EncodeToString(a.sum.Sum(nil))
		kind, contents, err := a.chunks.next()
		if err != nil {
			return nil, err
		}
		if kind == chunkManifest {
			return a.finish(contents, before)
		}
		if err := a.take(kind, contents); err != nil {
			return nil, a.explain(err)
		}
	}
}

// explain says where in the archive something is wrong.
func (a *reading) explain(err error) error {
	if corrupt := new(store.CorruptError); errors.As(err, &corrupt) {
		return fmt.Errorf("%w before byte %d: group %d: %w", ErrDamaged, a.chunks.read, a.check.group.Group, err)
	}
	return err
}

func (a *reading) readHeader() error {
	kind, contents, err := a.chunks.next()
	if err != nil {
		return err
	}
	h := &a.manifest.Header
	if kind == chunkFailure {
		return a.take(kind, contents)
	}
	if kind != chunkHeader || json.Unmarshal(contents, h) != nil || h.Region == "" || h.Shards < 1 || h.Shards >= maxGroups {
		return a.chunks.damaged("its header can't be read")
	}
	return a.to.header(*h)
}

func (a *reading) take(kind byte, contents []byte) error {
	switch {
	case kind == chunkBegin && !a.open:
		return a.begin(contents)
	case kind == chunkRows && a.open:
		return a.rows(contents)
	case kind == chunkEnd && a.open:
		return a.end(contents)
	case kind == chunkFailure:
		var f failure
		if json.Unmarshal(contents, &f) != nil {
			return a.chunks.damaged("a part can't be read")
		}
		return fmt.Errorf("%w: %w", ErrGivenUp, fault.New(f.Code, "%s", f.Message).WithHint("%s", f.Hint))
	}
	return a.chunks.damaged("a part is out of place")
}

func (a *reading) begin(contents []byte) error {
	var g Group
	if json.Unmarshal(contents, &g) != nil || int(g.Group) != len(a.manifest.Groups) || int(g.Group) > a.manifest.Shards {
		return a.chunks.damaged("a group is out of place")
	}
	a.open = true
	a.check.begin(g)
	return a.to.begin(g)
}

func (a *reading) rows(contents []byte) error {
	for len(contents) > 0 {
		key, rest, ok := cutField(contents)
		if !ok || len(key) == 0 {
			return a.chunks.damaged("a row can't be read")
		}
		value, rest, ok := cutField(rest)
		if !ok {
			return a.chunks.damaged("a row can't be read")
		}
		if err := a.check.row(key, value); err != nil {
			return err
		}
		if err := a.to.row(key, value); err != nil {
			return err
		}
		contents = rest
	}
	return nil
}

// cutField cuts what has its length before it.
func cutField(from []byte) (field, rest []byte, ok bool) {
	length, n := binary.Uvarint(from)
	if n <= 0 || length > uint64(len(from)-n) {
		return nil, nil, false
	}
	return from[n : n+int(length)], from[n+int(length):], true
}

func (a *reading) end(contents []byte) error {
	var g Group
	if err := json.Unmarshal(contents, &g); err != nil {
		return a.chunks.damaged("the end of a group can't be read")
	}
	found, err := a.check.end()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if found != g {
		return a.chunks.damaged(fmt.Sprintf("group %d is not what it says at its end", g.Group))
	}
	a.open = false
	a.manifest.Groups = append(a.manifest.Groups, g)
	return a.to.end(g)
}

// finish compares the manifest with what was read. before is the sum over all that came before it.
func (a *reading) finish(contents []byte, before string) (*Manifest, error) {
	var m Manifest
	a.manifest.SHA256 = before
	decoder := json.NewDecoder(bytes.NewReader(contents))
	if a.open || decoder.Decode(&m) != nil || !reflect.DeepEqual(m, a.manifest) || len(m.Groups) != m.Shards+1 {
		return nil, a.chunks.damaged("its manifest does not list what it has")
	}
	return &m, a.chunks.end()
}
