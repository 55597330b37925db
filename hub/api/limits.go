package api

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"weir/hub/api/apifault"
	"weir/proto/fault"
	"weir/proto/weirpb/weirpbconnect"
)

// Longest requests, in bytes, as sent and after decompression.
const (
	// maxPublish holds the largest payload that a namespace may allow, 128 KiB, even as JSON text with each byte escaped.
	maxPublish = 1 << 20
	// maxPublishMany is what a hub takes in at once from one caller without hurting others.
	maxPublishMany = 8 << 20
	// maxUpload holds the largest module, 4 MiB, even in base64.
	maxUpload = 6 << 20
	// maxOther holds a request of any other call with room for the longest names and keys.
	maxOther = 64 << 10
)

func maxRequest(procedure string) int64 {
	switch procedure {
	case weirpbconnect.EventServicePublishProcedure:
		return maxPublish
	case weirpbconnect.EventServicePublishManyProcedure:
		return maxPublishMany
	case weirpbconnect.FilterServiceUploadFilterProcedure, weirpbconnect.FilterServicePushFilterProcedure:
		return maxUpload
	}
	return maxOther
}

func tooLarge(procedure string) *fault.Fault {
	limit := size(maxRequest(procedure))
	switch procedure {
	case weirpbconnect.FilterServiceUploadFilterProcedure, weirpbconnect.FilterServicePushFilterProcedure:
		return fault.New(fault.ModuleTooLarge, "the request is longer than %s: a module may have at most 4 MiB", limit).
			WithHint("build the filter for size: without debug information, with the compiler's option for small code")
	case weirpbconnect.EventServicePublishManyProcedure:
		return fault.New(fault.PayloadTooLarge, "the request is longer than %s", limit).WithHint("send fewer events at once")
	case weirpbconnect.EventServicePublishProcedure:
		return fault.New(fault.PayloadTooLarge, "the request is longer than %s", limit).
			WithHint("keep large things elsewhere and publish where they are")
	}
	return fault.New(fault.InvalidArgument, "the request is longer than %s", limit)
}

func size(bytes int64) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// A boundedBody is a request's body that ends with a fault where it is longer than the call allows, or slower: memory is
// taken for what has arrived, not for what is announced.
type boundedBody struct {
	io.ReadCloser
	call     *call
	limit    int64
	left     int64
	refused  bool // nothing more is read: the caller is not allowed in
	deadline func(time.Time) error
}

// bodyTime is how long a request's body may take to arrive: a module of 4 MiB over 2 Mbit/s.
const bodyTime = 20 * time.Second

func boundBody(w http.ResponseWriter, r *http.Request, c *call) *boundedBody {
	limit := maxRequest(c.procedure)
	b := &boundedBody{
		ReadCloser: r.Body, call: c, limit: limit, left: limit,
		deadline: http.NewResponseController(w).SetReadDeadline,
	}
	_ = b.deadline(time.Now().Add(bodyTime)) // not every transport has deadlines; the call's context bounds it as well
	return b
}

func (b *boundedBody) tooLong(announced int64) bool { return announced > b.limit }

func (b *boundedBody) fault() *fault.Fault { return tooLarge(b.call.procedure) }

// arrived lifts the deadline once the request is read: on HTTP/1.1 it would otherwise end the call itself.
func (b *boundedBody) arrived() { _ = b.deadline(time.Time{}) }

// Read fails with a Connect error, which Connect hands to the caller as it is.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.refused {
		return 0, io.EOF
	}
	if b.left < 0 {
		return 0, b.refuse()
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, b.refuse()
	}
	return n, err
}

func (b *boundedBody) refuse() error {
	b.call.refusal = b.fault()
	b.refused = true
	return apifault.Encode(b.call.refusal)
}

// boundedCompression is gzip whose decompression stops at the call's limit, so that a small body can't become a large one.
func boundedCompression(spec connect.Spec) []connect.HandlerOption {
	procedure := spec.Procedure
	limit := maxRequest(procedure)
	return []connect.HandlerOption{connect.WithCompression("gzip",
		func() connect.Decompressor {
			return &boundedGzip{limit: limit, refuse: func() error { return apifault.Encode(tooLarge(procedure)) }}
		},
		func() connect.Compressor { return gzip.NewWriter(io.Discard) },
	)}
}

type boundedGzip struct {
	gzip.Reader
	limit, left int64
	refuse      func() error
}

func (z *boundedGzip) Reset(src io.Reader) error {
	z.left = z.limit
	return z.Reader.Reset(src)
}

func (z *boundedGzip) Read(p []byte) (int, error) {
	n, err := z.Reader.Read(p)
	if z.left -= int64(n); z.left < 0 {
		return 0, z.refuse()
	}
	return n, err
}
