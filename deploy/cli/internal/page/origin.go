package page

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// guard refuses requests that don't come from this machine's own pages and tools. The server hands out tokens, so
// that a page works without setting anything up. A stranger's page must not get one, neither by a request across origins nor by a name of
// its own that it has made to resolve to a loopback address (DNS rebinding).
func guard(next http.Handler) http.Handler {
	return guardBy(sameOrigin, next)
}

// guardLocal is guard, but for pages of other servers on this machine too: whoever writes a page serves it from a
// development server of their own.
func guardLocal(next http.Handler) http.Handler {
	return guardBy(func(r *http.Request) bool { return sameOrigin(r) || localOrigin(r) }, http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if localOrigin(r) {
				w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
				w.Header().Add("Vary", "Origin")
			}
			next.ServeHTTP(w, r)
		}))
}

func guardBy(allowed func(*http.Request) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !ownHost(r):
			http.Error(w, "this address is for this machine alone: open it as http://127.0.0.1 or http://localhost", http.StatusForbidden)
		case !allowed(r):
			http.Error(w, "pages of another origin may not use this address", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// ownHost reports whether the Host header is a loopback name, or the very address that the request arrived at.
func ownHost(r *http.Request) bool {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if isLoopback(host) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.AddrPort().Addr().Unmap() == addr.Unmap()
}

// isLoopback reports whether a host is this machine by a name that no stranger can point elsewhere.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// sameOrigin reports whether the request comes from a page of this server, or from no page. Browsers send Origin with
// all requests across origins that matter here, and Sec-Fetch-Site with every request.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		// A link from elsewhere to the page is fine.
		return r.Header.Get("Sec-Fetch-Mode") == "navigate"
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// localOrigin reports whether the request comes from a page that another server on this machine has served. A page without
// an origin, from a file or a sandbox, is not one: its origin is "null" whoever wrote it.
func localOrigin(r *http.Request) bool {
	u, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && isLoopback(u.Hostname())
}
