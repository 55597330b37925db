// Package ca is a region's own certificate authority, and who its hubs and edges are by it: an Authority issues
// certificates, an Identity is one that a process shows and what it believes of others.
package ca

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"
)

// A Role is what the holder of a certificate may be.
type Role string

// All roles.
const (
	Hub  Role = "hub"  // a node of the region's hub
	Edge Role = "edge" // an edge of the region
)

// host is the role as a host's name, for verification by tools that know nothing of URIs.
func (r Role) host() string { return string(r) + ".weir.internal" }

// A Name is who a certificate says its holder is. It stands in the certificate as the URI weir://ROLE/NODE.
type Name struct {
	Role Role
	Node string // "hub-1"
}

const scheme = "weir"

// String returns the URI.
func (n Name) String() string { return n.uri().String() }

func (n Name) uri() *url.URL {
	return &url.URL{Scheme: scheme, Host: string(n.Role), Path: "/" + n.Node}
}

// Check reports what is wrong with a name.
func (n Name) Check() error {
	if n.Role != Hub && n.Role != Edge {
		return &Error{Message: fmt.Sprintf("there is no role %q", n.Role), Hint: "a certificate is for a hub or an edge"}
	}
	return CheckNode(n.Node)
}

// maxNode bounds the name of a node, in bytes: that of a DNS label.
const maxNode = 63

// CheckNode reports what is wrong with a node's name: 1 to 63 of A-Z, a-z, 0-9 and ._-, the first a letter or digit.
func CheckNode(node string) error {
	bad := strings.IndexFunc(node, func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune("._-", r) })
	if node == "" || len(node) > maxNode || bad >= 0 || !isAlphanumeric(rune(node[0])) {
		return &Error{
			Message: fmt.Sprintf("%q can't be the name of a node", node),
			Hint:    "use 1 to 63 of A-Z, a-z, 0-9 and ._- beginning with a letter or a digit, as in hub-1 or edge-fra-1",
		}
	}
	return nil
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// NameOf returns who a certificate says its holder is.
func NameOf(certificate *x509.Certificate) (Name, error) {
	for _, uri := range certificate.URIs {
		if uri.Scheme != scheme {
			continue
		}
		name := Name{Role: Role(uri.Host), Node: strings.TrimPrefix(uri.Path, "/")}
		if err := name.Check(); err != nil || uri.String() != name.String() {
			return Name{}, &Error{Message: fmt.Sprintf("the certificate is for %q, which is no name of this region's", uri), cause: ErrRole}
		}
		return name, nil
	}
	return Name{}, &Error{
		Message: fmt.Sprintf("the certificate of %q names neither a hub nor an edge", certificate.Subject.CommonName),
		Hint:    `make one with "weir ca issue"`, cause: ErrRole,
	}
}
