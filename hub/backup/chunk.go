package backup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"
)

// An archive is a line of text, "weir backup VERSION\n", and then chunks. A chunk is
//
//	kind      1 byte
//	length    4 bytes, of the contents
//	stored    4 bytes, length of the contents as they are stored
//	checksum  4 bytes, CRC-32C (RFC 3720, appendix B.4) of what is before and of the stored contents
//	contents  rows are compressed (Zstandard, RFC 8878), the rest is not
//
// with numbers big-endian. First comes the header, then for each group its beginning, rows and its end, and at last the
// manifest; or wherever the writer had to give up, why. Rows are, one after another, the length of the key, the key, the
// length of the value and the value; lengths are unsigned varints. All else is JSON.
const (
	chunkHeader   byte = 'H'
	chunkBegin    byte = 'G'
	chunkRows     byte = 'R'
	chunkEnd      byte = 'E'
	chunkManifest byte = 'M'
	chunkFailure  byte = 'F'
)

const (
	magic       = "weir backup "
	chunkPrefix = 1 + 4 + 4 + 4
	// fullChunk is how many bytes of rows make a chunk: enough to compress well, little enough to hold a few.
	fullChunk = 256 << 10
	// maxChunk bounds the contents of a chunk, and so the memory for reading it. A row is far below.
	maxChunk = 4 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A chunkWriter writes an archive. It belongs to one goroutine.
type chunkWriter struct {
	to     io.Writer
	packer *zstd.Encoder
	buffer []byte
}

func newChunkWriter(w io.Writer) (*chunkWriter, error) {
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(fullChunk), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("begin a backup: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s%d\n", magic, Version); err != nil {
		return nil, errors.Join(err, packer.Close())
	}
	return &chunkWriter{to: w, packer: packer}, nil
}

func (w *chunkWriter) write(kind byte, contents []byte) error {
	if len(contents) > maxChunk {
		return fmt.Errorf("%d bytes are too many for a part of a backup", len(contents))
	}
	w.buffer = append(w.buffer[:0], make([]byte, chunkPrefix)...)
	if kind == chunkRows {
		w.buffer = w.packer.EncodeAll(contents, w.buffer)
	} else {
		w.buffer = append(w.buffer, contents...)
	}
	w.buffer[0] = kind
	binary.BigEndian.PutUint32(w.buffer[1:], uint32(len(contents)))
	binary.BigEndian.PutUint32(w.buffer[5:], uint32(len(w.buffer)-chunkPrefix))
	binary.BigEndian.PutUint32(w.buffer[9:], checksum(w.buffer[:9], w.buffer[chunkPrefix:]))
	_, err := w.to.Write(w.buffer)
	return err
}

func (w *chunkWriter) close() error { return w.packer.Close() }

func checksum(prefix, stored []byte) uint32 {
	return crc32.Update(crc32.Checksum(prefix, castagnoli), castagnoli, stored)
}

// A chunkReader reads an archive. It belongs to one goroutine.
type chunkReader struct {
	from     io.Reader
	unpacker *zstd.Decoder
	stored   bytes.Buffer
	contents []byte
	// read counts the archive's bytes up to the next chunk.
	read int64
}

func newChunkReader(r io.Reader) (*chunkReader, error) {
	version, err := readVersion(r)
	if err != nil {
		return nil, err
	}
	if version > Version {
		return nil, fmt.Errorf("%w: it has version %d, this one reads up to %d", ErrTooNew, version, Version)
	}
	unpacker, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxChunk))
	if err != nil {
		return nil, fmt.Errorf("read a backup: %w", err)
	}
	return &chunkReader{from: r, unpacker: unpacker, read: int64(len(magic)) + int64(len(fmt.Sprint(version))) + 1}, nil
}

// readVersion reads the first line, a byte at a time, as what follows is not its own.
func readVersion(r io.Reader) (version int, err error) {
	line := make([]byte, 0, len(magic)+8)
	for b := []byte{0}; len(line) < cap(line); line = append(line, b[0]) {
		if _, err := io.ReadFull(r, b); err != nil {
			return 0, cut(err, ErrNoArchive)
		}
		if b[0] != '\n' {
			continue
		}
		number, ok := bytes.CutPrefix(line, []byte(magic))
		for _, digit := range number {
			if digit < '0' || digit > '9' {
				return 0, ErrNoArchive
			}
			version = version*10 + int(digit-'0')
		}
		if !ok || version == 0 || number[0] == '0' {
			return 0, ErrNoArchive
		}
		return version, nil
	}
	return 0, ErrNoArchive
}

// next returns the next chunk, whose contents are valid until the one after.
func (r *chunkReader) next() (kind byte, contents []byte, err error) {
	var prefix [chunkPrefix]byte
	if _, err := io.ReadFull(r.from, prefix[:]); err != nil {
		return 0, nil, cut(err, ErrTruncated)
	}
	kind = prefix[0]
	length, stored := binary.BigEndian.Uint32(prefix[1:]), binary.BigEndian.Uint32(prefix[5:])
	if length > maxChunk || stored > 2*maxChunk || kind != chunkRows && length != stored {
		return 0, nil, r.damaged("the length of a part can't be")
	}
	// The buffer grows with what arrives, not with what is announced.
	r.stored.Reset()
	if n, err := io.CopyN(&r.stored, r.from, int64(stored)); err != nil {
		return 0, nil, fmt.Errorf("%w (after %d bytes)", cut(err, ErrTruncated), r.read+chunkPrefix+n)
	}
	if binary.BigEndian.Uint32(prefix[9:]) != checksum(prefix[:9], r.stored.Bytes()) {
		return 0, nil, r.damaged("a checksum does not match")
	}
	contents = r.stored.Bytes()
	if kind == chunkRows {
		r.contents, err = r.unpacker.DecodeAll(contents, r.contents[:0])
		if contents = r.contents; err != nil || len(contents) != int(length) {
			return 0, nil, r.damaged("rows can't be decompressed")
		}
	}
	r.read += chunkPrefix + int64(stored)
	return kind, contents, nil
}

// end makes sure that nothing follows.
func (r *chunkReader) end() error {
	switch n, err := io.ReadFull(r.from, make([]byte, 1)); {
	case n > 0:
		return r.damaged("something follows its end")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

func (r *chunkReader) close() { r.unpacker.Close() }

func (r *chunkReader) damaged(how string) error {
	return fmt.Errorf("%w at byte %d: %s", ErrDamaged, r.read, how)
}

// cut tells an end that comes too early from a failure to read.
func cut(err, early error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return early
	}
	return fmt.Errorf("read the backup: %w", err)
}
