package backup

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// archiveOf writes contents as chunks with right checksums: each begins with its kind and its length.
func archiveOf(t testing.TB, parts []byte) []byte {
	var b bytes.Buffer
	w, err := newChunkWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for len(parts) >= 2 {
		n := min(int(parts[1]), len(parts)-2)
		if err := w.write(parts[0], parts[2:2+n]); err != nil {
			t.Fatal(err)
		}
		parts = parts[2+n:]
	}
	return b.Bytes()
}

func TestChunksComeBack(t *testing.T) {
	large := make([]byte, maxChunk)
	_, _ = rand.Read(large)
	var b bytes.Buffer
	w, err := newChunkWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for _, contents := range [][]byte{nil, []byte("{}"), bytes.Repeat([]byte("x"), fullChunk), large} {
		for _, kind := range []byte{chunkHeader, chunkRows} {
			if err := w.write(kind, contents); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.write(chunkRows, append(large, 0)); err == nil {
		t.Error("a chunk without bound is written")
	}
	r, err := newChunkReader(iotest.HalfReader(bytes.NewReader(b.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	for _, want := range [][]byte{nil, []byte("{}"), bytes.Repeat([]byte("x"), fullChunk), large} {
		for range 2 {
			if _, got, err := r.next(); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes come back as %d, %v", len(want), len(got), err)
			}
		}
	}
	if int(r.read) != b.Len() || r.end() != nil {
		t.Errorf("%d bytes of %d are read, and then %v", r.read, b.Len(), r.end())
	}
}

// TestBombIsNotUnpacked has a chunk of few bytes that would become many.
func TestBombIsNotUnpacked(t *testing.T) {
	w, err := newChunkWriter(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	bomb := w.packer.EncodeAll(make([]byte, 64<<20), nil)
	prefix := []byte{chunkRows, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	prefix[5], prefix[6], prefix[7], prefix[8] = byte(len(bomb)>>24), byte(len(bomb)>>16), byte(len(bomb)>>8), byte(len(bomb))
	sum := checksum(prefix[:9], bomb)
	prefix[9], prefix[10], prefix[11], prefix[12] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
	r, err := newChunkReader(io.MultiReader(bytes.NewReader([]byte("weir backup 1\n")), bytes.NewReader(prefix), bytes.NewReader(bomb)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if _, _, err := r.next(); !errors.Is(err, ErrDamaged) || cap(r.contents) > 2*maxChunk {
		t.Errorf("%d bytes are taken, %v", cap(r.contents), err)
	}
}

func TestFailureToReadIsNoDamage(t *testing.T) {
	_, err := Verify(iotest.ErrReader(errors.New("the disk is gone")), nil)
	if err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, ErrTruncated) || errors.Is(err, ErrNoArchive) {
		t.Errorf("the error is %v", err)
	}
}

// FuzzParts has parts of all kinds and contents behind right checksums.
func FuzzParts(f *testing.F) {
	f.Add([]byte("H\x1f{\"region\":\"r\",\"node\":\"\",\"shards\":1}"))
	f.Add([]byte("H\x1d{\"region\":\"r\",\"shards\":1}     G\x15{\"group\":0,\"index\":1} R\x05\x02Ra\x00E\x02{}M\x02{}F\x02{}"))
	f.Fuzz(func(t *testing.T, parts []byte) {
		if m, err := Verify(bytes.NewReader(archiveOf(t, parts)), nil); err == nil && m.Shards < 1 {
			t.Error("an archive of nothing is right")
		}
	})
}
