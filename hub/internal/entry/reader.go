package entry

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"weir/proto/logpb"
)

// An Entry is one command, read without making objects of what there are many of: the publications of an Append.
type Entry struct {
	TimeMs   int64
	Proposal uint64
	Shard    uint32
	// Append is the command where it is one, else nil.
	Append *Append
	// Other has any other command, else it is nil.
	Other *logpb.Entry
}

// An Append is a logpb.Append.
type Append struct {
	Settings     []*logpb.Settings
	Publications []Publication
}

// A Reader reads one entry after another into the same memory. The zero value is ready.
type Reader struct{ last Append }

// known reads what this version knows: the rest of an Append has no effect.
var known = proto.UnmarshalOptions{DiscardUnknown: true}

// keptPublications is how many a Reader has room for between entries: as many as entries have under load.
const keptPublications = 4096

// Read reads what Encode has written. What it returns is valid until the next call, and shares memory with encoded. The
// error is or wraps ErrCorrupt.
func (r *Reader) Read(encoded []byte) (Entry, error) {
	body, err := unseal(encoded)
	if err != nil {
		return Entry{}, err
	}
	if e, ok := r.read(body); ok {
		return e, nil
	}
	return r.readAny(body)
}

// ReadAppend reads a command.
func (r *Reader) ReadAppend(c *logpb.Append) (*Append, error) {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode publications: %w", err)
	}
	if !r.readAppend(body) {
		return nil, fmt.Errorf("%w: its publications can't be read", ErrCorrupt)
	}
	return &r.last, nil
}

// readAny has the library read an entry, which it brings into the usual form if it is an Append.
func (r *Reader) readAny(body []byte) (Entry, error) {
	m := &logpb.Entry{}
	if err := proto.Unmarshal(body, m); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	e := Entry{TimeMs: m.GetTimeMs(), Proposal: m.GetProposal(), Shard: m.GetShard()}
	if m.GetAppend() == nil {
		e.Other = m
		return e, nil
	}
	if err := known.Unmarshal(body, m); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	var err error
	e.Append, err = r.ReadAppend(m.GetAppend())
	return e, err
}

// read reads an Append that has the form that Encode gives it.
func (r *Reader) read(body []byte) (e Entry, ok bool) {
	f := fields{rest: body}
	for f.next() {
		switch f.number {
		case 1:
			e.TimeMs = int64(f.varint())
		case 2:
			e.Proposal = f.varint()
		case 3:
			e.Shard = uint32(f.varint())
		case 5:
			if !r.readAppend(f.bytes()) {
				return Entry{}, false
			}
			e.Append = &r.last
		default:
			return Entry{}, false
		}
	}
	return e, !f.odd && e.Append != nil
}

func (r *Reader) readAppend(body []byte) bool {
	if cap(r.last.Publications) > keptPublications {
		r.last.Publications = nil
	}
	a := &r.last
	clear(a.Publications) // the entry before can go
	a.Settings, a.Publications = a.Settings[:0], a.Publications[:0]
	f := fields{rest: body, repeats: 1<<1 | 1<<2}
	for f.next() {
		switch f.number {
		case 1:
			s := &logpb.Settings{}
			if err := known.Unmarshal(f.bytes(), s); err != nil {
				return false
			}
			a.Settings = append(a.Settings, s)
		case 2:
			a.Publications = append(a.Publications, Publication{})
			if p := &a.Publications[len(a.Publications)-1]; !p.readSubmission(f.bytes()) {
				return false
			}
		default:
			return false
		}
	}
	for i := range a.Publications {
		if p := &a.Publications[i]; p.Settings >= len(a.Settings) {
			p.Settings = -1
		}
	}
	return !f.odd
}
