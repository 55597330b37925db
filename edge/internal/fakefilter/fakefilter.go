// Package fakefilter has filters of plain Go for the edge's tests. They read events and params as modules do.
package fakefilter

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"weir/edge/internal/fuel"
	"weir/filters"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A Range lets an event through whose payload is a decimal number within params: "LOW:HIGH", both included. The payload
// "boom" makes it fail, and with "starve" its tenant has no fuel left. It is safe for concurrent use.
type Range struct {
	// Calls counts calls of Match.
	Calls atomic.Int64
	// Broken makes every call of Match fail.
	Broken atomic.Bool
	// Rounds, with Project, is what a payload is rounded down to; 0 shows it as it is.
	Rounds int64
	// Shift is added to the number before it is compared: a version that decides otherwise.
	Shift int64
	// Refuses makes Prepare refuse all params.
	Refuses bool
	// Quoted lets params be JSON strings, as a token's have to be.
	Quoted bool
	// Lost makes Interest fail.
	Lost bool
	// Gate, if set, is what Match waits for until it is closed, or the call is cancelled.
	Gate chan struct{}
	// Rechecks counts calls of Recheck, and Found is what they find.
	Rechecks atomic.Int64
	Found    atomic.Pointer[filters.Discrepancy]
}

// Prepare checks params.
func (r *Range) Prepare(_ context.Context, params []byte) ([]byte, error) {
	text := string(params)
	if r.Quoted {
		text = strings.Trim(text, `"`)
	}
	low, high, err := parse(text)
	if err == nil && r.Refuses {
		err = fmt.Errorf("no range will do")
	}
	if err != nil {
		return nil, fault.New(fault.FilterParams, "params are no range: %s", err).WithHint("write LOW:HIGH")
	}
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(low)), uint64(high)), nil
}

func parse(params string) (low, high int64, err error) {
	if _, err := fmt.Sscanf(params, "%d:%d", &low, &high); err != nil {
		return 0, 0, err
	}
	if low > high {
		return 0, 0, fmt.Errorf("%d is greater than %d", low, high)
	}
	return low, high, nil
}

var errBoom = fault.New(fault.FilterFailed, "boom")

// Match decides about an event for a set.
func (r *Range) Match(ctx context.Context, event []byte, set *filters.Set, verdicts filters.Bitmap) error {
	r.Calls.Add(1)
	verdicts.Reset()
	if r.Gate != nil {
		select {
		case <-r.Gate:
		case <-ctx.Done():
			return fault.New(fault.FilterFailed, "the call was cancelled")
		}
	}
	payload := Payload(event)
	if r.Broken.Load() || bytes.Equal(payload, []byte("boom")) {
		return errBoom
	}
	if bytes.Equal(payload, []byte("starve")) {
		return fuel.ErrExhausted
	}
	n, ok := number(payload)
	if !ok {
		return nil
	}
	n += r.Shift
	for i := range set.Slots() {
		prepared := set.Prepared(i)
		if len(prepared) == 16 && int64(binary.LittleEndian.Uint64(prepared)) <= n && n <= int64(binary.LittleEndian.Uint64(prepared[8:])) {
			verdicts.Set(i)
		}
	}
	return nil
}

// Project rounds the payload.
func (r *Range) Project(_ context.Context, event, _, dst []byte) ([]byte, error) {
	n, ok := number(Payload(event))
	if !ok || r.Rounds == 0 {
		return append(dst, Payload(event)...), nil
	}
	return strconv.AppendInt(dst, n-n%r.Rounds, 10), nil
}

// Recheck finds what Found says.
func (r *Range) Recheck(context.Context, *filters.Sample) (*filters.Discrepancy, error) {
	r.Rechecks.Add(1)
	return r.Found.Load(), nil
}

// Explain says what Match says; its fuel is 1 a call, and its log the payload.
func (r *Range) Explain(ctx context.Context, event, params []byte) (*weirpb.FilterExplanation, error) {
	x := &weirpb.FilterExplanation{Projects: r.Rounds != 0, PrepareFuel: 1, MatchFuel: 1, Log: []string{string(Payload(event))}}
	var set filters.Set
	prepared, err := r.Prepare(ctx, params)
	if err == nil {
		slot, verdicts := set.Add(prepared), filters.NewBitmap(1)
		if err = r.Match(ctx, event, &set, verdicts); err == nil && verdicts.Get(slot) {
			x.Verdict = weirpb.Verdict_VERDICT_MATCH
			return x, nil
		}
	}
	if x.Verdict = weirpb.Verdict_VERDICT_HELD; err != nil {
		x.Verdict, x.Fault = weirpb.Verdict_VERDICT_FAILED, fault.From(err).ToProto()
	}
	return x, nil
}

// ExplainShown returns what Project returns.
func (r *Range) ExplainShown(ctx context.Context, x *weirpb.FilterExplanation, event, _ []byte) ([]byte, error) {
	x.ProjectFuel = 1
	return r.Project(ctx, event, nil, nil)
}

// Payload returns the payload of an event as filters read it (ABI.md, "The event").
func Payload(event []byte) []byte {
	at, n := binary.LittleEndian.Uint32(event[48:]), binary.LittleEndian.Uint32(event[52:])
	return event[at : at+n]
}

// number reads a decimal number without taking memory.
func number(payload []byte) (n int64, ok bool) {
	for _, c := range payload {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, len(payload) > 0
}
