package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"weir/edge/edgeclient"
	"weir/proto/fault"
)

// dialTimeout bounds how long the first session may take. Later ones are tried for as long as the command runs.
const dialTimeout = 5 * time.Second

// errNoEdge ends attempts at a first session.
var errNoEdge = errors.New("no answer in time")

// dialEdge returns a client that is connected to the edge.
func dialEdge(ctx context.Context, to *edgeAddress, log *slog.Logger) (*edgeclient.Client, error) {
	timeout := dialTimeout
	if to.timeout > 0 {
		timeout = min(timeout, to.timeout)
	}
	asked := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errNoEdge)
	defer cancel()
	defer whileWaiting(ctx, func() string { return fmt.Sprintf("there is no session at the edge at %s yet; retrying", to.url) })()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	// Until there is a session, what goes wrong is told by the error.
	quiet := &quietHandler{Handler: log.Handler()}
	client, err := edgeclient.Dial(ctx, edgeclient.Config{
		URL: to.url, TokenSource: to.token, TLS: to.tls, Producer: to.producer, Agent: currentBuild().agent(), Logger: slog.New(quiet),
		OnState: func(s edgeclient.Status) {
			// A certificate does not become better by trying again.
			var untrusted *tls.CertificateVerificationError
			if errors.As(s.Err, &untrusted) {
				giveUp(untrusted)
			}
		},
	})
	if err == nil {
		quiet.loud.Store(true)
		return client, nil
	}
	if asked.Err() != nil { // by a signal, or as it was asked to
		return nil, context.Cause(asked)
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return nil, failf(trustHint,
			"the edge at %s has a certificate that is not trusted: %w", to.url, untrusted.Err)
	}
	var refused *fault.Fault
	if errors.As(err, &refused) {
		return nil, fmt.Errorf("the edge at %s refuses: %w", to.url, refused) // and not how the client came to know
	}
	return nil, failf(to.unreachableHint(), "can't reach the edge at %s: %w", to.url, err)
}

// subscribe opens a subscription, unless that takes too long: later, the client comes back to it for as long as the command
// runs.
func subscribe(
	ctx context.Context, to *edgeAddress, client *edgeclient.Client, channel string, options edgeclient.SubscribeOptions,
) (*edgeclient.Subscription, error) {
	asked := ctx
	if to.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, to.timeout, errNoAnswer)
		defer cancel()
	}
	defer whileWaiting(ctx, waitsFor(to, client, channel))()
	subscription, err := client.Subscribe(ctx, channel, options)
	if errors.Is(err, errNoAnswer) && asked.Err() == nil {
		return nil, failf("is a majority of the region's hub nodes up? --timeout says how long to wait",
			"the subscription to %s has not been opened within %s", channel, to.timeout)
	}
	return subscription, err
}

// waitsFor says what an answer of the edge about a channel that takes long is waited for.
func waitsFor(to *edgeAddress, client *edgeclient.Client, channel string) func() string {
	return func() string {
		if s := client.Status(); s.State != edgeclient.Connected {
			return fmt.Sprintf("there is no session at the edge at %s; retrying", to.url)
		}
		return fmt.Sprintf("no hub node that leads %s answers the edge; retrying", channel)
	}
}

func (a *edgeAddress) unreachableHint() string {
	if a.dev.Path != "" {
		return "the address is from " + a.dev.Path + `; is "weir dev" still running?`
	}
	return "check --edge, and that the edge is running"
}

// A quietHandler says nothing until it is loud.
type quietHandler struct {
	slog.Handler
	loud atomic.Bool
}

// Enabled reports whether a record is to be handled.
func (h *quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.loud.Load() && h.Handler.Enabled(ctx, level)
}
