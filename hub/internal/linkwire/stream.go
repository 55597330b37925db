package linkwire

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/quic-go/quic-go/quicvarint"
	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
)

// ErrUnexpected is returned for a frame of a type that has no place where it stands.
var ErrUnexpected = errors.New("unexpected frame")

// IsViolation reports whether err says that the peer has broken the protocol, rather than gone away.
func IsViolation(err error) bool {
	return errors.Is(err, frame.ErrTooLarge) || errors.Is(err, frame.ErrMalformed) || errors.Is(err, ErrUnexpected)
}

// A Reader reads the frames of one stream. It is not safe for concurrent use.
type Reader struct {
	ahead  *bufio.Reader
	frames *frame.Reader
}

// NewReader returns a Reader that refuses frames whose body is longer than limit bytes, before it takes memory for them.
func NewReader(src io.Reader, limit int) *Reader { return newReader(src, limit, readAhead) }

// NewPublishReader is NewReader for one direction of a publish stream, of which there is one on a link, with many small
// frames: it reads further ahead.
func NewPublishReader(src io.Reader, limit int) *Reader { return newReader(src, limit, publishAhead) }

// PublishReader turns r into what NewPublishReader returns, once it is known what the stream is. r may not be used any more.
func (r *Reader) PublishReader(limit int) *Reader { return newReader(r.ahead, limit, publishAhead) }

func newReader(src io.Reader, limit, size int) *Reader {
	ahead := bufio.NewReaderSize(src, size)
	return &Reader{ahead, frame.NewReader(ahead, limit)}
}

// How much is read ahead, in bytes. readAhead is small because an edge has a Reader for each channel that it follows; larger
// bodies are read past it. A client takes the answers that have been read ahead together.
const (
	readAhead    = 1 << 10
	publishAhead = 16 << 10
)

// Ready reports whether a whole frame has been read ahead, so that Next does not wait.
func (r *Reader) Ready() bool {
	head, _ := r.ahead.Peek(min(r.ahead.Buffered(), 2*maxVarint))
	_, t, err := quicvarint.Parse(head)
	if err != nil {
		return false
	}
	length, n, err := quicvarint.Parse(head[t:])
	return err == nil && length <= uint64(r.ahead.Buffered()-t-n)
}

// maxVarint is the longest variable-length integer, in bytes.
const maxVarint = 8

// SetLimit changes the longest body that is accepted, in bytes.
func (r *Reader) SetLimit(limit int) { r.frames.SetLimit(limit) }

// Next reads one frame. The body is valid until the next call. Errors are those of frame.Reader.
func (r *Reader) Next() (frame.Type, []byte, error) { return r.frames.Next() }

// Body reads one frame, which must be of type want, and returns its body, valid until the next call. At the end of the stream
// it returns io.EOF.
func (r *Reader) Body(want frame.Type) ([]byte, error) {
	t, body, err := r.Next()
	if err == nil && t != want {
		err = fmt.Errorf("%w: %s, want %s", ErrUnexpected, Name(t), Name(want))
	}
	return body, err
}

// Expect is Body, read into m.
func (r *Reader) Expect(want frame.Type, m proto.Message) error {
	body, err := r.Body(want)
	if err != nil {
		return err
	}
	return frame.Decode(body, m)
}

// AnswerBody is Body on the side that asks: at an END frame it returns an *Ended.
func (r *Reader) AnswerBody(want frame.Type) ([]byte, error) {
	t, body, err := r.Next()
	switch {
	case err != nil:
		return nil, err
	case t == End:
	case t == want:
		return body, nil
	default:
		return nil, fmt.Errorf("%w: %s, want %s", ErrUnexpected, Name(t), Name(want))
	}
	end := &linkpb.End{}
	if err := frame.Decode(body, end); err != nil {
		return nil, err
	}
	return nil, &Ended{Fault: fault.FromProto(end.GetFault())}
}

// Answer is AnswerBody, read into m.
func (r *Reader) Answer(want frame.Type, m proto.Message) error {
	body, err := r.AnswerBody(want)
	if err != nil {
		return err
	}
	return frame.Decode(body, m)
}

// Ended is the END of an answer.
type Ended struct{ Fault *fault.Fault } // nil: the answer is complete

func (e *Ended) Error() string {
	if e.Fault == nil {
		return "the answer is complete"
	}
	return e.Fault.Error()
}

// A Writer writes the frames of one stream. It is not safe for concurrent use.
type Writer struct {
	dst    io.Writer
	buffer []byte // reused from frame to frame
}

// NewWriter returns a Writer.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// maxKept is how large a buffer is kept for the next frame, in bytes: one snapshot must not hold its memory for ever.
const maxKept = 256 << 10

// Send writes one frame. A body longer than limit bytes is an internal fault: the peer would refuse it.
func (w *Writer) Send(t frame.Type, m proto.Message, limit int) error {
	if n := proto.Size(m); n > limit {
		return fault.New(fault.Internal, "%s would have %d bytes, at most %d are possible", Name(t), n, limit)
	}
	encoded, err := frame.Append(w.buffer[:0], t, m)
	if err != nil {
		return fmt.Errorf("encode %s: %w", Name(t), err)
	}
	if cap(encoded) <= maxKept {
		w.buffer = encoded
	} else {
		w.buffer = nil
	}
	_, err = w.dst.Write(encoded)
	return err
}

// SendEnd writes the END of an answer; f may be nil.
func (w *Writer) SendEnd(f *fault.Fault) error {
	return w.Send(End, &linkpb.End{Fault: f.ToProto()}, MaxPublished)
}

var names = map[frame.Type]string{
	Hello: "HELLO", Publish: "PUBLISH", Follow: "FOLLOW", Watch: "WATCH", History: "HISTORY", Module: "MODULE", Canary: "CANARY", Report: "REPORT",
	Routes: "ROUTES", Call: "CALL", Table: "TABLE", Result: "RESULT", Index: "INDEX", Indexed: "INDEXED",
	Welcome: "WELCOME", Published: "PUBLISHED", Feed: "FEED", Control: "CONTROL", Page: "PAGE", Chunk: "CHUNK", End: "END",
}

// Name returns the name that DESIGN.md uses.
func Name(t frame.Type) string {
	if name, ok := names[t]; ok {
		return name
	}
	return fmt.Sprintf("frame type %#x", uint64(t))
}
