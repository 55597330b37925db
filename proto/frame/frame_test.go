package frame_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"weir/proto/frame"
	"weir/proto/weirpb"
)

func TestAppendAndNext(t *testing.T) {
	stream, err := frame.Append(nil, frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "chat"})
	if err != nil {
		t.Fatal(err)
	}
	stream, err = frame.Append(stream, frame.Refresh, &weirpb.Refresh{Token: string(bytes.Repeat([]byte("t"), 40_000))})
	if err != nil {
		t.Fatal(err)
	}
	// One byte at a time, as a slow network may deliver it.
	reader := frame.NewReader(bufio.NewReader(iotest.OneByteReader(bytes.NewReader(stream))), frame.MaxFromClient)

	var subscribe weirpb.Subscribe
	if typ, body, err := reader.Next(); err != nil || typ != frame.Subscribe || frame.Decode(body, &subscribe) != nil {
		t.Fatalf("first frame: %s, %v", typ, err)
	}
	if diff := cmp.Diff(&weirpb.Subscribe{Subscription: 1, Channel: "chat"}, &subscribe, protocmp.Transform()); diff != "" {
		t.Errorf("first frame (-want +got):\n%s", diff)
	}
	var refresh weirpb.Refresh
	if typ, body, err := reader.Next(); err != nil || typ != frame.Refresh || frame.Decode(body, &refresh) != nil {
		t.Fatalf("second frame: %s, %v", typ, err)
	}
	if len(refresh.Token) != 40_000 {
		t.Errorf("a token of %d bytes, want 40000", len(refresh.Token))
	}
	if _, _, err := reader.Next(); err != io.EOF {
		t.Errorf("at the end: %v, want io.EOF itself", err)
	}
}

func TestNextTellsACutStreamFromAnEnd(t *testing.T) {
	whole, err := frame.Append(nil, frame.Ping, &weirpb.Ping{Nonce: 1, Padding: make([]byte, 100)})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(whole); n++ {
		_, _, err := frame.NewReader(bytes.NewReader(whole[:n]), frame.MaxFromClient).Next()
		if err != io.ErrUnexpectedEOF {
			t.Errorf("%d of %d bytes: %v, want io.ErrUnexpectedEOF", n, len(whole), err)
		}
	}
}

func TestNextPassesOnReadErrors(t *testing.T) {
	broken := errors.New("broken")
	for n := range 6 {
		src := io.MultiReader(bytes.NewReader([]byte{0x20, 5, 8, 1, 8, 2}[:n]), iotest.ErrReader(broken))
		if _, _, err := frame.NewReader(bufio.NewReader(src), 10).Next(); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v, want the reader's error", n, err)
		}
	}
}

func TestSetLimit(t *testing.T) {
	stream := frame.AppendHeader(nil, frame.Hello, 3)
	stream = append(stream, 1, 2, 3)
	stream = append(stream, stream...)
	reader := frame.NewReader(bytes.NewReader(stream), 3)
	if _, body, err := reader.Next(); err != nil || len(body) != 3 {
		t.Fatalf("a frame of the limit: %x, %v", body, err)
	}
	reader.SetLimit(2)
	typ, _, err := reader.Next()
	if !errors.Is(err, frame.ErrTooLarge) || typ != frame.Hello {
		t.Errorf("a frame over the limit: %s, %v, want HELLO and ErrTooLarge", typ, err)
	}
}

// A length is a claim: 10,000 sessions that each claim a megabyte and send nothing must not cost 10 GB.
func TestNextTakesMemoryAsBytesArrive(t *testing.T) {
	claim := frame.AppendHeader(nil, frame.Batch, frame.MaxFromServer)
	for _, tc := range []struct {
		name         string
		sent, atMost int // bytes
	}{
		{"nothing sent", 0, 64 << 10},
		{"a little sent", 1 << 10, 64 << 10},
		{"half sent", 512 << 10, 4 << 20},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stream := append(bytes.Clone(claim), make([]byte, tc.sent)...)
			got := bytesPerRun(func() {
				_, _, err := frame.NewReader(bytes.NewReader(stream), frame.MaxFromServer).Next()
				if err != io.ErrUnexpectedEOF {
					t.Fatal(err)
				}
			})
			if got > uint64(tc.atMost) {
				t.Errorf("%d bytes taken, at most %d are fair", got, tc.atMost)
			}
		})
	}
}

// bytesPerRun returns how many bytes run allocates, on average.
func bytesPerRun(run func()) uint64 {
	const runs = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		run()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

func TestNextTakesNoMemoryForWhatIsTooLarge(t *testing.T) {
	stream := frame.AppendHeader(nil, frame.Hello, frame.MaxHello+1)
	src := bytes.NewReader(nil)
	reader := frame.NewReader(src, frame.MaxHello)
	allocs := testing.AllocsPerRun(100, func() {
		src.Reset(stream)
		if _, body, err := reader.Next(); body != nil || !errors.Is(err, frame.ErrTooLarge) {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
	})
	// The error and its text; nothing whose size the peer chooses.
	if allocs > 8 {
		t.Errorf("%v allocations for a refusal, want at most 8", allocs)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	body := bytes.Repeat([]byte{7}, 1000)
	stream := append(frame.AppendHeader(nil, frame.Batch, len(body)), body...)
	src := bytes.NewReader(stream)
	reader := frame.NewReader(src, frame.MaxFromServer)
	buffer := make([]byte, 0, 2*len(stream))
	ping := &weirpb.Ping{Nonce: 1}
	for name, run := range map[string]func(){
		"Next": func() {
			src.Reset(stream)
			if _, got, err := reader.Next(); err != nil || len(got) != len(body) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
		},
		"Append": func() {
			if _, err := frame.Append(buffer[:0], frame.Ping, ping); err != nil {
				t.Fatal(err)
			}
		},
		"AppendHeader": func() { frame.AppendHeader(buffer[:0], frame.Batch, 1<<20) },
	} {
		if allocs := testing.AllocsPerRun(100, run); allocs != 0 {
			t.Errorf("%s: %v allocations, want none", name, allocs)
		}
	}
}

func TestTypeString(t *testing.T) {
	for typ, want := range map[frame.Type]string{frame.Hello: "HELLO", frame.Batch: "BATCH", 0x3f: "frame type 0x3f"} {
		if got := fmt.Sprint(typ); got != want {
			t.Errorf("%#x is %q, want %q", uint64(typ), got, want)
		}
	}
}
