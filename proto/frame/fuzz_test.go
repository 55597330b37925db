package frame_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/proto/frame"
	"weir/proto/vectors"
	"weir/proto/weirpb"
)

// FuzzReader reads frames until the input ends or is refused: no input may panic, be read beyond its end or yield a
// body that its length does not announce.
func FuzzReader(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		const limit = 4096
		src := bytes.NewReader(input)
		reader := frame.NewReader(src, limit)
		for {
			before := src.Len()
			typ, body, err := reader.Next()
			if err == nil {
				check(t, typ, body, input[len(input)-before:len(input)-src.Len()], limit)
				continue
			}
			switch {
			case err == io.EOF && before == 0, err == io.ErrUnexpectedEOF:
			case errors.Is(err, frame.ErrTooLarge), errors.Is(err, frame.ErrMalformed):
				if read := before - src.Len(); read > 16 {
					t.Fatalf("%d bytes read for a refusal, a header has at most 16", read)
				}
			default:
				t.Fatalf("unexpected error: %v", err)
			}
			return
		}
	})
}

func check(t *testing.T, typ frame.Type, body, encoded []byte, limit int) {
	t.Helper()
	if typ > 0x3f || len(body) > limit || !bytes.HasSuffix(encoded, body) {
		t.Fatalf("%s with %d bytes from %x", typ, len(body), encoded)
	}
	again := append(frame.AppendHeader(nil, typ, len(body)), body...)
	if len(again) > len(encoded) {
		t.Fatalf("%d bytes encoded, %d read", len(again), len(encoded))
	}
	m := messageOf(typ)
	if m == nil || frame.Decode(body, m) != nil {
		return
	}
	reencoded, err := frame.Append(nil, typ, m)
	if err != nil {
		t.Fatal(err)
	}
	_, body, err = frame.NewReader(bytes.NewReader(reencoded), frame.MaxFromServer).Next()
	decoded := messageOf(typ)
	if err != nil || frame.Decode(body, decoded) != nil || !proto.Equal(m, decoded) {
		t.Fatalf("%s does not survive being written and read: %v", typ, err)
	}
}

func messageOf(t frame.Type) proto.Message {
	switch t {
	case frame.Hello:
		return &weirpb.Hello{}
	case frame.Subscribe:
		return &weirpb.Subscribe{}
	case frame.Publish:
		return &weirpb.Publish{}
	case frame.Batch:
		return &weirpb.Batch{}
	case frame.Goodbye:
		return &weirpb.Goodbye{}
	}
	return nil
}

func seed(f *testing.F) {
	for _, name := range []string{"frames.json", "malformed.json"} {
		content, err := vectors.Files.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var list []struct{ Hex string }
		if err := json.Unmarshal(content, &list); err != nil {
			f.Fatal(err)
		}
		for _, v := range list {
			encoded, err := hex.DecodeString(v.Hex)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(encoded)
		}
	}
}
