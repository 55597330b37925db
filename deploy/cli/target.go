package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"

	"weir/deploy/cli/internal/devfile"
	"weir/proto/weirpb/weirpbconnect"
)

const noTargetHint = `start "weir dev" in this folder, or give %s`

// trust says whom to believe to be a server.
type trust struct {
	CA       string `name:"ca" help:"PEM file with the authorities to trust, instead of the system's." type:"path" env:"WEIR_CA" placeholder:"FILE"`
	Insecure bool   `help:"Accept any certificate. For tests only." env:"WEIR_INSECURE"`
}

// config returns the TLS configuration; dev may hold the certificate of a local "weir dev".
func (t trust) config(dev devfile.Info) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: t.Insecure}
	authorities := []byte(dev.Certificate)
	if t.CA != "" {
		var err error
		if authorities, err = os.ReadFile(t.CA); err != nil {
			return nil, usagef("", "can't read the authorities: %w", err)
		}
	}
	if len(authorities) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, usagef("give a file with one or more PEM certificates", "%s holds no certificate", t.CA)
		}
	}
	return config, nil
}

// edgeTarget are the flags of commands that open a session.
type edgeTarget struct {
	Edge  string `help:"URL of the edge. In the folder of a running \"weir dev\": that one." env:"WEIR_EDGE" placeholder:"URL"`
	Token string `help:"The user's token." env:"WEIR_TOKEN" placeholder:"JWT"`
	// Timeout bounds how long an answer is waited for that has to come.
	Timeout time.Duration `help:"How long to wait for an answer: for the first, and for each receipt. 0: for as long as it takes." default:"30s" env:"WEIR_TIMEOUT" placeholder:"DURATION"`
	trust
}

// An edgeAddress is where to open a session, and as whom.
type edgeAddress struct {
	url   string
	token func(context.Context) (string, error)
	tls   *tls.Config
	// producer is the identity to keep, if any.
	producer string
	// timeout is that of edgeTarget.
	timeout time.Duration
	// dev is where the addresses come from if not from flags, for messages.
	dev devfile.Info
}

func (t *edgeTarget) resolve() (*edgeAddress, error) {
	if t.Timeout < 0 {
		return nil, usagef("", "--timeout can't be negative")
	}
	address := &edgeAddress{url: t.Edge, timeout: t.Timeout}
	if t.Edge == "" {
		dev, err := findDev("--edge and --token")
		if err != nil {
			return nil, err
		}
		address.url, address.dev = dev.Edge, dev
	}
	if u, err := url.Parse(address.url); err != nil || u.Host == "" {
		return nil, usagef("as in https://edge.example.com:8443", "%q is no URL of an edge", address.url)
	}
	switch {
	case t.Token != "":
		address.token = func(context.Context) (string, error) { return t.Token, nil }
	case address.dev.Path != "":
		address.token = address.dev.CurrentToken
	default:
		return nil, usagef("give --token or WEIR_TOKEN; \"weir token\" mints one", "the edge needs a token")
	}
	var err error
	address.tls, err = t.config(address.dev)
	return address, err
}

// findDev returns the "weir dev" of the working directory; else an error that names the flags to use instead.
func findDev(flags string) (devfile.Info, error) {
	dir, err := os.Getwd()
	if err != nil {
		return devfile.Info{}, err
	}
	dev, err := devfile.Find(dir)
	if errors.Is(err, devfile.ErrNotFound) {
		return dev, usagef(strings.Replace(noTargetHint, "%s", flags, 1), "don't know which server to use")
	}
	return dev, err
}

// apiTarget are the flags of commands that use the server API.
type apiTarget struct {
	API    string `name:"api" help:"URL of the server API. In the folder of a running \"weir dev\": that one." env:"WEIR_API" placeholder:"URL"`
	APIKey string `name:"api-key" help:"API key." env:"WEIR_API_KEY" placeholder:"KEY"`
	// Timeout bounds one call; the slowest is the upload of a module, which the server compiles.
	Timeout time.Duration `help:"How long to wait for each answer of the server API. 0: for as long as it takes." default:"1m" env:"WEIR_TIMEOUT" placeholder:"DURATION"`
	trust
}

// An apiClient makes calls of the server API.
type apiClient struct {
	http *http.Client
	url  string
	dev  devfile.Info
}

func (t *apiTarget) resolve() (*apiClient, error) {
	if t.Timeout < 0 {
		return nil, usagef("", "--timeout can't be negative")
	}
	client := &apiClient{url: t.API}
	key := t.APIKey
	if t.API == "" {
		dev, err := findDev("--api and --api-key")
		if err != nil {
			return nil, err
		}
		client.url, client.dev = dev.API, dev
		key = firstNonEmpty(key, dev.AdminKey)
	}
	if key == "" {
		return nil, usagef("give --api-key or WEIR_API_KEY; a hub's first start writes one to DATA/admin.key", "the server API needs an API key")
	}
	if u, err := url.Parse(client.url); err != nil || u.Host == "" {
		return nil, usagef("as in https://hub.example.com:8444", "%q is no URL of a server API", client.url)
	}
	config, err := t.config(client.dev)
	if err != nil {
		return nil, err
	}
	client.http = &http.Client{
		Timeout: t.Timeout,
		Transport: &bearer{
			key: key,
			// No proxy: the key goes nowhere else.
			next: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true},
		},
	}
	return client, nil
}

// bearer adds the API key to requests (RFC 6750, section 2.1).
type bearer struct {
	key  string
	next http.RoundTripper
}

func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.key)
	defer whileWaiting(r.Context(), func() string { return waitsForAPI(r) })()
	return b.next.RoundTrip(r)
}

// compiling are the procedures with which a server compiles the module that it is sent: some seconds, if that is large.
var compiling = []string{weirpbconnect.FilterServicePushFilterProcedure, weirpbconnect.FilterServiceUploadFilterProcedure}

// waitsForAPI says what an answer of the server API that takes long is waited for.
func waitsForAPI(r *http.Request) string {
	if slices.Contains(compiling, r.URL.Path) {
		return fmt.Sprintf("%s checks and compiles the module", r.URL.Host)
	}
	return fmt.Sprintf("the server API at %s://%s has not answered; is a majority of the region's hub nodes up?", r.URL.Scheme, r.URL.Host)
}

// explain adds what to do about it to the error of a call that did not reach the server.
func (c *apiClient) explain(err error) error {
	var dial *net.OpError
	var untrusted *tls.CertificateVerificationError
	var bad *connect.Error
	var slow net.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled): // by a signal
		return failf(noAnswerHint, "%w", err)
	case errors.As(err, &dial) && dial.Op == "dial":
		return &failure{err: fmt.Errorf("can't reach the server API at %s: %w", c.url, dial.Err), hint: c.unreachableHint(), unreachable: true}
	case errors.As(err, &untrusted):
		return failf(trustHint, "the server API at %s has a certificate that is not trusted: %w", c.url, untrusted.Err)
	case errors.As(err, &bad) && bad.Code() == connect.CodeUnauthenticated && len(bad.Details()) == 0:
		return failf("check --api-key", "the server API does not accept this key")
	case errors.As(err, &bad) && bad.Code() == connect.CodeUnauthenticated:
		return failf("check --api-key, or WEIR_API_KEY; an operator's first one is in admin.key in the hub's data folder", "%w", err)
	case errors.As(err, &bad) && bad.Code() == connect.CodeUnimplemented && len(bad.Details()) == 0:
		return failf("is --api the address of a hub's server API?", "%s answers: %s", c.url, bad.Message())
	}
	if errors.As(err, &slow) && slow.Timeout() {
		return &failure{
			err: fmt.Errorf("the server API at %s has not answered within %s", c.url, c.http.Timeout), hint: noAnswerHint, code: exitUnknown,
		}
	}
	return err
}

const trustHint = "--ca names a PEM file with the authority to trust; --insecure trusts anybody"

const noAnswerHint = "if it was to change something, that may or may not have been done"

func (c *apiClient) unreachableHint() string {
	if c.dev.Path != "" {
		return "the address is from " + c.dev.Path + `; is "weir dev" still running?`
	}
	return "check --api, and that the hub is running"
}

// tenantFlag names the tenant to act on.
type tenantFlag struct {
	Tenant string `help:"Tenant to act on. A tenant's own API key needs none." env:"WEIR_TENANT" placeholder:"NAME"`
}

// or returns the tenant to send: what was given, else that of a local "weir dev".
func (t tenantFlag) or(client *apiClient) string {
	return firstNonEmpty(t.Tenant, client.dev.Tenant)
}
