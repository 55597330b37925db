package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"connectrpc.com/connect"

	"weir/hub"
	"weir/hub/api/apifault"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A call is what is known of one request while it is served. It belongs to the request's goroutine.
type call struct {
	procedure string // as in "/weir.v1.EventService/Publish"
	started   time.Time
	principal hub.Principal // set once authenticated
	tenant    string        // set once settled
	body      *boundedBody
	reached   bool         // whether the request could be decoded
	refusal   *fault.Fault // why the call was refused; nil if it was not, or not by weir's own code
}

type callKey struct{}

// callOf returns the call that ctx belongs to.
func callOf(ctx context.Context) *call {
	return ctx.Value(callKey{}).(*call)
}

// ServeHTTP serves one call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{procedure: r.URL.Path, started: time.Now()}
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), callKey{}, c), h.timeout)
	defer cancel()
	if !h.calls[c.procedure] {
		c.procedure = "unknown" // what callers make up must not become a metric's label
		c.refusal = fault.New(fault.NotFound, "the server API has no such call").
			WithHint("calls look like POST /weir.v1.EventService/Publish; EventService, TenantService, NamespaceService, KeyService and FilterService are there")
		refuseHTTP(w, r, c.refusal)
		h.finish(ctx, r, c)
		return
	}
	h.metrics.inFlight.Inc()
	defer h.metrics.inFlight.Dec()
	w = &explainingWriter{ResponseWriter: w, request: r, call: c}
	c.body = boundBody(w, r, c)
	r = r.WithContext(ctx)
	r.Body = c.body
	if c.body.tooLong(r.ContentLength) {
		c.refusal = c.body.fault()
		w.Header().Set("Connection", "close") // the rest of the body is not worth reading
		refuseHTTP(w, r, c.refusal)
	} else {
		h.mux.ServeHTTP(w, r)
	}
	h.finish(ctx, r, c)
}

// finish counts the call and, if it was refused, logs why.
func (h *Handler) finish(ctx context.Context, r *http.Request, c *call) {
	if c.refusal == nil && !c.reached {
		c.refusal = undecoded(ctx)
	}
	method := strings.TrimPrefix(c.procedure, "/weir.v1.")
	took := time.Since(c.started)
	h.metrics.observe(method, c.refusal, took)
	if c.refusal == nil {
		return
	}
	attributes := []any{
		"method", method, "code", string(c.refusal.Code), "reason", c.refusal.Message, "peer", r.RemoteAddr,
		"key", c.principal.KeyID, "tenant", c.tenant, "took", took,
	}
	if c.refusal.Cause != nil {
		attributes = append(attributes, "cause", c.refusal.Cause)
	}
	h.log.Log(ctx, severity(c.refusal.Code), "call refused", attributes...)
}

// undecoded says why a call ended before its request was understood. What exactly is wrong with the bytes has been told to
// the caller by Connect; the log must not repeat it, for the sentence may quote the payload.
func undecoded(ctx context.Context) *fault.Fault {
	if ctx.Err() != nil {
		return fault.New(fault.Timeout, "the request did not arrive in time").WithCause(ctx.Err())
	}
	return fault.New(fault.InvalidArgument, "the request could not be decoded")
}

func severity(code fault.Code) slog.Level {
	switch code {
	case fault.Internal:
		return slog.LevelError
	case fault.Unavailable, fault.Timeout, fault.Busy:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// answering wraps each call's implementation: its errors become Connect errors and its panics internal faults.
func answering(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (response connect.AnyResponse, err error) {
		c := callOf(ctx)
		c.reached = true
		c.body.arrived()
		defer func() {
			if r := recover(); r != nil {
				err = fault.New(fault.Internal, "something went wrong inside the relay").
					WithCause(&panicked{value: r, stack: debug.Stack()})
			}
			if err != nil {
				c.refusal = apifault.Of(err)
				response, err = nil, apifault.Encode(c.refusal)
			}
		}()
		return next(ctx, request)
	}
}

// panicked is a recovered panic as the cause of a fault: it goes to the log only.
type panicked struct {
	value any
	stack []byte
}

// Error names the value's kind and where it happened. The value itself may quote a payload, unless it is the runtime's.
func (p *panicked) Error() string {
	var err error
	if e, ok := p.value.(error); ok {
		err = e
	}
	var runtimeError interface{ RuntimeError() }
	if errors.As(err, &runtimeError) {
		return "panic: " + err.Error() + "\n" + string(p.stack)
	}
	return "panic\n" + string(p.stack)
}

// procedures lists the paths of all calls.
func procedures() map[string]bool {
	paths := map[string]bool{}
	services := weirpb.File_weir_v1_api_proto.Services()
	for i := range services.Len() {
		service := services.Get(i)
		for j := range service.Methods().Len() {
			paths["/"+string(service.FullName())+"/"+string(service.Methods().Get(j).Name())] = true
		}
	}
	return paths
}
