// Package apifault carries faults over the server API: as Connect errors whose message a person with curl can read and
// whose detail, a weir.v1.Fault, a program can.
package apifault

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"connectrpc.com/connect"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// HeaderRetryAfter tells HTTP clients how many seconds to wait (RFC 9110, section 10.2.3).
const HeaderRetryAfter = "Retry-After"

// Of returns err as the Fault that a client of the server API sees, nil for nil: the one that it wraps, timeout where the
// request's time has run out, else internal.
func Of(err error) *fault.Fault {
	var f *fault.Fault
	if err == nil || errors.As(err, &f) {
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fault.New(fault.Timeout, "no answer in time: what was asked for may or may not have happened").
			WithHint("ask again; publications with a producer can be repeated without being published twice").
			WithCause(err)
	}
	return fault.From(err)
}

// Encode returns the Connect error for err, which must not be nil.
func Encode(err error) *connect.Error {
	f := Of(err)
	encoded := connect.NewError(connectCode(f.Code), readable{f})
	if detail, err := connect.NewErrorDetail(f.ToProto()); err == nil {
		encoded.AddDetail(detail)
	}
	if f.RetryAfter > 0 && f.Code.Retryable() {
		seconds := int(math.Ceil(f.RetryAfter.Seconds()))
		encoded.Meta().Set(HeaderRetryAfter, strconv.Itoa(seconds))
	}
	return encoded
}

// Decode returns what a call of the server API was refused with, nil for nil. An error that carries no fault, because it
// comes from a proxy or from the network, is told by its Connect code.
func Decode(err error) *fault.Fault {
	var refused *connect.Error
	if !errors.As(err, &refused) {
		return Of(err)
	}
	for _, detail := range refused.Details() {
		message, unreadable := detail.Value()
		if p, ok := message.(*weirpb.Fault); ok && unreadable == nil {
			return fault.FromProto(p).WithCause(err)
		}
	}
	f := fault.New(faultCode(refused.Code()), "%s", refused.Message()).WithCause(err)
	if seconds, err := strconv.ParseUint(refused.Meta().Get(HeaderRetryAfter), 10, 16); err == nil {
		f.RetryAfter = time.Duration(seconds) * time.Second
	}
	return f
}

// readable is a Fault as a person reads it beside its Connect code; the weir code is in the detail.
type readable struct{ fault *fault.Fault }

func (r readable) Error() string {
	if r.fault.Hint == "" {
		return r.fault.Message
	}
	return r.fault.Message + " (" + r.fault.Hint + ")"
}

func (r readable) Unwrap() error { return r.fault }
