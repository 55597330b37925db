package transport

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"weir/proto/fault"
)

// origins are those that pages may connect from (RFC 6454). The token, not the origin, is what authorises a client; the
// list keeps strangers' pages from spending an edge's sessions with tokens that they were given for elsewhere.
type origins struct {
	all      bool
	patterns []originPattern
}

// originPattern is an origin whose port may be "*" and whose host may begin with "*.".
type originPattern struct {
	scheme, host, port string
}

func parseOrigins(list []string) (*origins, error) {
	o := new(origins)
	for _, text := range list {
		if text == "*" {
			o.all = true
			continue
		}
		scheme, rest, ok := strings.Cut(text, "://")
		if !ok || scheme == "" || rest == "" || strings.ContainsAny(rest, "/?#@ ") {
			return nil, fmt.Errorf("the origin %q is not scheme://host or scheme://host:port", text)
		}
		host, port := splitPort(rest)
		if host == "" || strings.Contains(strings.TrimPrefix(host, "*."), "*") {
			return nil, fmt.Errorf("the origin %q: \"*\" may stand for the port, or for what is before the first dot", text)
		}
		o.patterns = append(o.patterns, originPattern{strings.ToLower(scheme), strings.ToLower(host), port})
	}
	return o, nil
}

// splitPort splits host:port, where there may be no port and the host may be an IPv6 address in brackets.
func splitPort(hostPort string) (host, port string) {
	if i := strings.LastIndexByte(hostPort, ':'); i >= 0 && !strings.HasSuffix(hostPort, "]") {
		return strings.Trim(hostPort[:i], "[]"), hostPort[i+1:]
	}
	return strings.Trim(hostPort, "[]"), ""
}

func (p originPattern) matches(origin *url.URL) bool {
	if p.scheme != origin.Scheme || p.port != "*" && p.port != origin.Port() {
		return false
	}
	host := strings.ToLower(origin.Hostname())
	if domain, wild := strings.CutPrefix(p.host, "*."); wild {
		return strings.HasSuffix(host, "."+domain)
	}
	return host == p.host
}

// check says what is wrong with the origin of a request, if anything.
func (o *origins) check(r *http.Request) *fault.Fault {
	origin := r.Header.Get("Origin")
	if origin == "" || o.all {
		return nil
	}
	parsed, err := url.Parse(origin)
	if err == nil && parsed.Host != "" && o.allows(parsed, r.Host) {
		return nil
	}
	return fault.New(fault.PermissionDenied, "pages of this origin may not connect here").
		WithHint("add the page's origin to those that the edge allows")
}

func (o *origins) allows(origin *url.URL, requested string) bool {
	for _, pattern := range o.patterns {
		if pattern.matches(origin) {
			return true
		}
	}
	if len(o.patterns) > 0 {
		return false
	}
	host, _ := splitPort(requested)
	return strings.EqualFold(host, origin.Hostname()) || isLoopback(host) && isLoopback(origin.Hostname())
}

// isLoopback reports whether a host is this machine: its names are one origin to the people who develop on it.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// remoteAddress returns where a request comes from, as the library that accepted it wrote it down.
func remoteAddress(address string) netip.AddrPort {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(parsed.Addr().Unmap(), parsed.Port())
}

// addrPort returns the address of a UDP or TCP endpoint.
func addrPort(address net.Addr) netip.AddrPort { return remoteAddress(address.String()) }
