package apifault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"connectrpc.com/connect"

	"weir/hub/api/apifault"
	"weir/proto/fault"
)

func TestFaultsSurviveTheRoundTrip(t *testing.T) {
	sent := fault.New(fault.Busy, "the shard is busy").WithHint("try again").WithRetryAfter(1500 * time.Millisecond)
	encoded := apifault.Encode(fmt.Errorf("publish: %w", sent))
	if encoded.Code() != connect.CodeResourceExhausted || encoded.Message() != "the shard is busy (try again)" {
		t.Errorf("Encode = %v", encoded)
	}
	if got := encoded.Meta().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After = %q, want 2: whole seconds, rounded up", got)
	}
	got := apifault.Decode(fmt.Errorf("call: %w", encoded))
	if got.Code != sent.Code || got.Message != sent.Message || got.Hint != sent.Hint || got.RetryAfter != sent.RetryAfter {
		t.Errorf("Decode = %+v, want %+v", got, sent)
	}
}

func TestEncodeHidesWhatIsNoFault(t *testing.T) {
	encoded := apifault.Encode(errors.New("pebble: /data/secret is corrupt"))
	if encoded.Code() != connect.CodeInternal || encoded.Message() != "something went wrong inside the relay" {
		t.Errorf("Encode = %v", encoded)
	}
}

func TestOf(t *testing.T) {
	for _, cause := range []error{context.DeadlineExceeded, context.Canceled} {
		if f := apifault.Of(fmt.Errorf("apply: %w", cause)); f.Code != fault.Timeout || !errors.Is(f, cause) {
			t.Errorf("Of(%v) = %v", cause, f)
		}
	}
	if f := apifault.Of(nil); f != nil {
		t.Errorf("Of(nil) = %v", f)
	}
}

func TestDecodeWithoutDetail(t *testing.T) {
	refused := connect.NewError(connect.CodeUnavailable, errors.New("connection refused"))
	refused.Meta().Set("Retry-After", "3")
	f := apifault.Decode(refused)
	if f.Code != fault.Unavailable || f.Message != "connection refused" || f.RetryAfter != 3*time.Second {
		t.Errorf("Decode = %+v", f)
	}
	if f := apifault.Decode(nil); f != nil {
		t.Errorf("Decode(nil) = %v", f)
	}
	if f := apifault.Decode(errors.New("no Connect error")); f.Code != fault.Internal {
		t.Errorf("Decode = %v", f)
	}
}

// A client that retries on 429, 503 and 504, as HTTP clients do, must not retry what can't succeed, nor give up on what can.
func TestStatusAgreesWithRetryable(t *testing.T) {
	retried := map[connect.Code]bool{
		connect.CodeResourceExhausted: true, connect.CodeUnavailable: true, connect.CodeDeadlineExceeded: true,
		connect.CodeAborted: true, connect.CodeInternal: true,
	}
	for _, code := range []fault.Code{
		fault.Unauthenticated, fault.TokenInvalid, fault.PermissionDenied, fault.InvalidArgument, fault.NotFound,
		fault.AlreadyExists, fault.ChannelInvalid, fault.NamespaceUnknown, fault.TenantUnknown, fault.FilterUnknown,
		fault.ModuleInvalid, fault.ModuleTooLarge, fault.PayloadTooLarge, fault.KeyRequired, fault.KeyInvalid,
		fault.StateFull, fault.EphemeralNotAllowed, fault.SequenceGap, fault.SequenceExpired, fault.ProducerExpired,
		fault.CursorAhead, fault.Busy, fault.Unavailable, fault.Timeout, fault.Internal, fault.Draining,
	} {
		got := apifault.Encode(fault.New(code, "x")).Code()
		if retried[got] != code.Retryable() {
			t.Errorf("%s (retryable %v) is %s", code, code.Retryable(), got)
		}
	}
}
