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
	ctx, cancel := context.WithTimeoutCause(ctx, dialTimeout, errNoEdge)
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	// Until there is a session, what goes wrong is told by the error.
	quiet := &quietHandler{Handler: log.Handler()}
	client, err := edgeclient.Dial(ctx, edgeclient.Config{
		URL: to.url, TokenSource: to.token, TLS: to.tls, Agent: currentBuild().agent(), Logger: slog.New(quiet),
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
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return nil, failf("--ca names a PEM file with the authority to trust; --insecure trusts anybody",
			"the edge at %s has a certificate that is not trusted: %w", to.url, untrusted.Err)
	}
	var refused *fault.Fault
	if errors.As(err, &refused) {
		return nil, fmt.Errorf("the edge at %s refuses: %w", to.url, err)
	}
	return nil, failf(to.unreachableHint(), "can't reach the edge at %s: %w", to.url, err)
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
