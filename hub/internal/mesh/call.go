package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quic-go/quic-go"
	"google.golang.org/protobuf/proto"

	"weir/hub/ca"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Bounds of calls. They carry what nodes say to each other now and then; data goes elsewhere.
const (
	// MaxRequest and MaxResponse bound what a call carries, in bytes.
	MaxRequest  = 1 << 20
	MaxResponse = 1 << 20
	// maxCalls bounds how many calls a node answers at once. Beyond, callers are told busy.
	maxCalls = 64
	// callTime is the longest that a call may take on the side that answers, and on the other where its context says
	// nothing shorter.
	callTime = 30 * time.Second
)

// First byte of an answer.
const (
	answerOK    = 0 // the response follows
	answerFault = 1 // a weir.v1.Fault follows
)

// A Handler answers a call of the node from. Its errors travel as a *fault.Fault. ctx ends when the caller has given up.
type Handler func(ctx context.Context, from string, request []byte) (response []byte, err error)

// Handle makes h answer the calls of a method: 1 to 64 of a-z, 0-9 and ._-. A later handler takes the place of an earlier
// one. Whoever has a certificate of a hub of this region may call; a handler that wants more must look at from itself.
func (m *Mesh) Handle(method string, h func(ctx context.Context, from string, request []byte) ([]byte, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.handlers[method] = h
}

// Call calls a method of a node and returns its response. Errors are or wrap *fault.Fault: that of the handler, or
// unavailable or timeout where it can't be known whether the handler has run.
func (m *Mesh) Call(ctx context.Context, node, method string, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	h, err := checkCall(method, request)
	if err != nil {
		return nil, err
	}
	stream, err := m.open(ctx, node, h)
	if err == nil {
		var response []byte
		if response, err = exchange(ctx, stream, request); err == nil {
			return response, nil
		}
	}
	return nil, m.failed(ctx, method, node, err)
}

// CallAddress calls a method of the node at addr, HOST:PORT, whichever it is, and also returns its name: for a node that
// knows no more of its region than an address. The connection is for this call alone.
func (m *Mesh) CallAddress(ctx context.Context, addr, method string, request []byte) (node string, response []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	h, err := checkCall(method, request)
	if err != nil {
		return "", nil, err
	}
	c, err := m.connectOnce(ctx, addr, ca.Name{Role: ca.Hub})
	if err != nil {
		return "", nil, m.failed(ctx, method, addr, err)
	}
	defer func() { _ = c.conn.CloseWithError(codeCallEnded, "") }()
	stream, err := openOn(c.conn, h)
	if err == nil {
		response, err = exchange(ctx, stream, request)
	}
	if err != nil { // the node may have refused this one's certificate
		return c.node, nil, m.failed(ctx, method, c.node, explain(err))
	}
	return c.node, response, nil
}

func checkCall(method string, request []byte) (header, error) {
	if !isMethod(method) {
		return header{}, fault.New(fault.InvalidArgument, "%q can't be a method", method)
	}
	if len(request) > MaxRequest {
		return header{}, fault.New(fault.InvalidArgument, "a request of %d bytes is too long, at most %d are possible", len(request), MaxRequest)
	}
	return header{kind: kindCall, method: method}, nil
}

// failed makes a fault of what went wrong with a call.
func (m *Mesh) failed(ctx context.Context, method, node string, err error) error {
	var answered *fault.Fault
	switch {
	case errors.As(err, &answered):
		return err
	case ctx.Err() != nil:
		return fault.New(fault.Timeout, "%s has not answered %s in time", node, method).WithCause(err)
	}
	return fault.New(fault.Unavailable, "%s could not answer %s: %v", node, method, err).WithCause(err)
}

// exchange sends a request and reads its answer.
func exchange(ctx context.Context, stream *quic.Stream, request []byte) (response []byte, err error) {
	defer func() {
		stream.CancelRead(resetClosed)
		if err != nil {
			stream.CancelWrite(resetAborted)
		}
	}()
	defer context.AfterFunc(ctx, func() { _ = stream.SetDeadline(time.Unix(1, 0)) })()
	if _, err := stream.Write(request); err != nil {
		return nil, err
	}
	if err := stream.Close(); err != nil {
		return nil, err
	}
	var status [1]byte
	if _, err := io.ReadFull(stream, status[:]); err != nil {
		return nil, err
	}
	body, err := readAll(stream, MaxResponse)
	if err != nil || status[0] == answerOK {
		return body, err
	}
	refused := &weirpb.Fault{}
	if err := proto.Unmarshal(body, refused); err != nil || status[0] != answerFault {
		return nil, fmt.Errorf("mesh: malformed answer (status %d)", status[0])
	}
	return nil, fault.FromProto(refused)
}

// readAll reads to the end of the stream. Memory is taken as bytes arrive.
func readAll(r io.Reader, limit int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(b) > limit {
		err = fault.New(fault.InvalidArgument, "more than %d bytes", limit)
	}
	return b, err
}

// answer answers a call.
func (m *Mesh) answer(from string, stream *quic.Stream, method string) {
	ctx, cancel := context.WithTimeout(m.running, callTime)
	defer cancel()
	// The stream's context ends when the caller wants no answer any more.
	defer context.AfterFunc(stream.Context(), cancel)()
	defer context.AfterFunc(ctx, func() { _ = stream.SetDeadline(time.Unix(1, 0)) })()
	response, err := m.handle(ctx, from, stream, method)
	if err == nil && len(response) > MaxResponse {
		err = fault.New(fault.Internal, "a response of %d bytes is too long", len(response))
	}
	m.metrics.answered(err)
	status := byte(answerOK)
	if err != nil {
		status = answerFault
		if response, err = proto.Marshal(fault.From(err).ToProto()); err != nil {
			response = nil // an internal fault without a text
		}
	}
	if _, err := stream.Write(append([]byte{status}, response...)); err != nil {
		stream.CancelRead(resetAborted)
		stream.CancelWrite(resetAborted)
		return
	}
	stream.CancelRead(resetClosed)
	_ = stream.Close()
}

func (m *Mesh) handle(ctx context.Context, from string, stream *quic.Stream, method string) ([]byte, error) {
	select {
	case m.calls <- struct{}{}:
		defer func() { <-m.calls }()
	default:
		return nil, fault.New(fault.Busy, "the node answers %d calls already", maxCalls)
	}
	m.mu.Lock()
	h := m.handlers[method]
	m.mu.Unlock()
	if h == nil {
		return nil, fault.New(fault.NotFound, "the node does not answer %s", method).WithHint("is it of another version, or still starting?")
	}
	request, err := readAll(stream, MaxRequest)
	if err != nil {
		return nil, err
	}
	return h(ctx, from, request)
}
