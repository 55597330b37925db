package api

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"

	"weir/hub/api/apifault"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// publication returns the event of a request, with its payload taken from where the caller has put it.
func publication(r *weirpb.PublishRequest) (*weirpb.Publication, error) {
	p := r.GetEvent()
	if p == nil {
		return nil, fault.New(fault.InvalidArgument, "the event is missing").
			WithHint(`send {"event": {"channel": "chat"}, "text": "hello"}`)
	}
	payloads := 0
	for _, given := range []bool{len(p.GetPayload()) > 0, r.Json != nil, r.GetText() != ""} {
		if given {
			payloads++
		}
	}
	if payloads > 1 {
		return nil, fault.New(fault.InvalidArgument, "there is more than one payload").
			WithHint("give one of \"event.payload\" (base64), \"json\" and \"text\"")
	}
	switch {
	case r.Json != nil:
		payload, err := marshalJSON(r.Json.AsInterface())
		if err != nil {
			return nil, fault.New(fault.InvalidArgument, "the field \"json\" holds what JSON can't express").WithCause(err)
		}
		p.Payload = payload
		p.ContentType = orDefault(p.GetContentType(), "application/json")
	case r.GetText() != "":
		p.Payload = []byte(r.GetText())
		p.ContentType = orDefault(p.GetContentType(), "text/plain; charset=utf-8")
	}
	return p, nil
}

// marshalJSON encodes v compactly, fields sorted, and leaves <, > and & as they are: the payload is not for an HTML page.
func marshalJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func orDefault(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// An outcome is what became of one publication.
type outcome struct {
	receipt *weirpb.Receipt
	err     error
}

func (o outcome) toProto() *weirpb.PublishOutcome {
	if o.err != nil {
		return &weirpb.PublishOutcome{Fault: apifault.Of(o.err).ToProto()}
	}
	return &weirpb.PublishOutcome{Receipt: o.receipt}
}

// publish hands all publications to the hub, in order and without waiting in between, and returns their outcomes in the
// same order. What has no outcome when ctx ends has timed out; the hub may still accept it.
func (s events) publish(ctx context.Context, tenant string, publications []*weirpb.Publication) []outcome {
	w := &waiting{outcomes: make([]*outcome, len(publications)), left: len(publications), all: make(chan struct{})}
	for i, p := range publications {
		if p == nil {
			w.settle(i, outcome{err: fault.New(fault.InvalidArgument, "the event is missing")})
			continue
		}
		s.hub.Publish(tenant, p, func(receipt *weirpb.Receipt, err error) { w.settle(i, outcome{receipt, err}) })
	}
	select {
	case <-w.all:
	case <-ctx.Done():
	}
	outcomes := w.settled(ctx)
	for _, o := range outcomes {
		s.metrics.published(apifault.Of(o.err))
	}
	return outcomes
}

// waiting collects the outcomes of publications, which arrive from the hub's goroutines.
type waiting struct {
	all chan struct{} // closed once none is left

	mu       sync.Mutex
	outcomes []*outcome // guarded by mu; nil: none yet
	left     int        // guarded by mu
}

func (w *waiting) settle(i int, o outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes[i] = &o
	if w.left--; w.left == 0 {
		close(w.all)
	}
}

// settled returns what there is now.
func (w *waiting) settled(ctx context.Context) []outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	outcomes := make([]outcome, len(w.outcomes))
	for i, o := range w.outcomes {
		if o == nil {
			o = &outcome{err: apifault.Of(ctx.Err())}
		}
		outcomes[i] = *o
	}
	return outcomes
}
