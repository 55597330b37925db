package vectors_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"

	"weir/proto/frame"
	"weir/proto/vectors"
	"weir/proto/vectors/internal/cases"
)

func TestFilesAreUpToDate(t *testing.T) {
	files, err := cases.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := vectors.Files.ReadFile(name)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what its cases say (%v); run: go run ./proto/vectors/internal/gen", name, err)
		}
	}
	entries, err := fs.ReadDir(vectors.Files, ".")
	if err != nil || len(entries) != len(files) {
		t.Errorf("%d files for %d lists of cases (%v)", len(entries), len(files), err)
	}
}

func TestFrames(t *testing.T) {
	var list []cases.Frame
	read(t, "frames.json", &list)
	seen := map[string]bool{}
	for _, v := range list {
		seen[v.TypeName] = true
		t.Run(v.Name, func(t *testing.T) {
			encoded := unhex(t, v.Hex)
			reader := frame.NewReader(bufio.NewReader(bytes.NewReader(encoded)), frame.MaxFromServer)
			typ, body, err := reader.Next()
			if err != nil || typ != frame.Type(v.Type) || typ.String() != v.TypeName {
				t.Fatalf("Next = %v, %v, want %s", typ, err, v.TypeName)
			}
			want, got := message(t, v.Message), message(t, v.Message)
			if err := protojson.Unmarshal(v.JSON, want); err != nil {
				t.Fatal(err)
			}
			if err := frame.Decode(body, got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
			if _, _, err := reader.Next(); err != io.EOF {
				t.Errorf("after the frame: %v, want EOF", err)
			}
			again, err := frame.Append(nil, typ, want)
			if err != nil || bytes.Equal(again, encoded) == v.DecodeOnly {
				t.Errorf("encoded %x (%v), decode only: %v", again, err, v.DecodeOnly)
			}
		})
	}
	for typ := range frame.Type(0x40) {
		if known(typ) && !seen[typ.String()] {
			t.Errorf("there is no vector for %s", typ)
		}
	}
}

func TestMalformed(t *testing.T) {
	var list []cases.Malformed
	read(t, "malformed.json", &list)
	for _, v := range list {
		t.Run(v.Name, func(t *testing.T) {
			if got := verdict(t, unhex(t, v.Hex), v.Limit); got != v.Error {
				t.Errorf("refused as %q, want %q", got, v.Error)
			}
		})
	}
}

// verdict reads one frame and says in the vectors' words what is wrong with it.
func verdict(t *testing.T, encoded []byte, limit int) string {
	typ, body, err := frame.NewReader(bytes.NewReader(encoded), limit).Next()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return cases.Truncated
	case errors.Is(err, frame.ErrTooLarge):
		return cases.TooLarge
	case errors.Is(err, frame.ErrMalformed):
		return cases.NoFrame
	case err != nil:
		return err.Error()
	case !known(typ):
		return cases.UnknownType
	}
	name := typ.String()
	err = frame.Decode(body, message(t, "weir.v1."+name[:1]+strings.ToLower(name[1:])))
	if errors.Is(err, frame.ErrMalformed) {
		return cases.NoMessage
	}
	return "nothing"
}

func known(t frame.Type) bool { return !strings.HasPrefix(t.String(), "frame type") }

func message(t *testing.T, name string) proto.Message {
	t.Helper()
	typ, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		t.Fatal(err)
	}
	return typ.New().Interface()
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	content, err := vectors.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
