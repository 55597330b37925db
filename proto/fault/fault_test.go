package fault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"weir/proto/fault"
)

func TestRoundTrip(t *testing.T) {
	f := fault.New(fault.Busy, "shard %d is busy", 3).WithHint("publish more slowly").WithRetryAfter(250 * time.Millisecond)
	p := f.ToProto()
	if !p.GetRetryable() || p.GetRetryAfterMs() != 250 {
		t.Errorf("on the wire: %v, want retryable after 250 ms", p)
	}
	if got := fault.FromProto(p); *got != *f {
		t.Errorf("came back as %+v, want %+v", got, f)
	}
	if (*fault.Fault)(nil).ToProto() != nil || fault.FromProto(nil) != nil {
		t.Error("no fault became one")
	}
}

func TestTheCauseStaysOnThisSide(t *testing.T) {
	cause := errors.New("secret path")
	f := fault.New(fault.Internal, "it failed").WithCause(cause)
	if !errors.Is(f, cause) {
		t.Error("the cause is lost on this side")
	}
	if got := f.Error(); got != "internal: it failed" {
		t.Errorf("Error = %q tells more than it should", got)
	}
	if errors.Is(fault.FromProto(f.ToProto()), cause) {
		t.Error("the cause crossed the wire")
	}
}

func TestFrom(t *testing.T) {
	f := fault.New(fault.NotFound, "no such channel")
	wrapped := fmt.Errorf("history: %w", f)
	if fault.From(wrapped) != f || fault.CodeOf(wrapped) != fault.NotFound {
		t.Errorf("From(%v) = %v", wrapped, fault.From(wrapped))
	}
	foreign := errors.New("pebble: closed")
	hidden := fault.From(foreign)
	if hidden.Code != fault.Internal || !errors.Is(hidden, foreign) || hidden.Error() == foreign.Error() {
		t.Errorf("From(%v) = %v, want an internal fault that hides it", foreign, hidden)
	}
	if fault.From(nil) != nil || fault.CodeOf(nil) != "" {
		t.Error("nil became a fault")
	}
}

func TestIs(t *testing.T) {
	err := fmt.Errorf("publish: %w", fault.New(fault.Busy, "full").WithHint("wait"))
	if !errors.Is(err, fault.New(fault.Busy, "")) {
		t.Error("the same code is not recognised")
	}
	if errors.Is(err, fault.New(fault.Timeout, "")) {
		t.Error("another code is taken for the same")
	}
}

func TestWithLeavesTheOriginalAlone(t *testing.T) {
	f := fault.New(fault.Busy, "full")
	f.WithHint("wait")
	f.WithRetryAfter(time.Second)
	f.WithCause(errors.New("x"))
	if f.Hint != "" || f.RetryAfter != 0 || f.Cause != nil {
		t.Errorf("changed: %+v", f)
	}
}

func TestErrorText(t *testing.T) {
	got := fault.New(fault.NamespaceUnknown, "there is no namespace %q", "chat").WithHint("weir namespace create chat").Error()
	const want = `namespace_unknown: there is no namespace "chat" (weir namespace create chat)`
	if got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
}
