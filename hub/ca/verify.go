package ca

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A wanted says whom a peer must be to be believed.
type wanted struct {
	roles []Role
	node  string // "": any
}

// verify reports who the peer is that has shown these certificates, if one of the authorities has made the first and it
// is valid now. The error is an *Error.
func verify(chain []*x509.Certificate, authorities []*x509.Certificate, want wanted, now time.Time) (Name, error) {
	if len(chain) == 0 {
		return Name{}, &Error{Message: "the peer has shown no certificate", cause: ErrMissing}
	}
	leaf := chain[0]
	if err := madeBy(leaf, authorities, now); err != nil {
		return Name{}, err
	}
	name, err := NameOf(leaf)
	if err != nil {
		return Name{}, err
	}
	if !slices.Contains(want.roles, name.Role) {
		return name, &Error{
			Message: fmt.Sprintf("the certificate is for %s, where one for %s is needed", name, article(want.roles)),
			Hint:    "is the address that of another service, or did somebody copy the wrong files?", cause: ErrRole,
		}
	}
	if want.node != "" && want.node != name.Node {
		return name, &Error{
			Message: fmt.Sprintf("the node is %s by its certificate, where %s was expected", name.Node, want.node),
			Hint:    "is the address that of another node, or did somebody copy its files?", cause: ErrNode,
		}
	}
	return name, nil
}

func article(roles []Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = map[Role]string{Hub: "a hub", Edge: "an edge"}[role]
	}
	return strings.Join(names, " or ")
}

// madeBy reports whether one of the authorities has made a certificate and it is valid now. What is wrong is looked for
// in the order that helps most: clocks are wrong more often than keys.
func madeBy(leaf *x509.Certificate, authorities []*x509.Certificate, now time.Time) error {
	pool := x509.NewCertPool()
	for _, authority := range authorities {
		pool.AddCert(authority)
	}
	// At a moment when the certificate is valid, what is left that can be wrong is who made it.
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: pool, CurrentTime: leaf.NotBefore.Add(time.Second), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return &Error{
			Message: fmt.Sprintf("the certificate of %q was made by none of the authorities in %s", subject(leaf), FileCA),
			Hint:    "give all nodes of the region the same " + FileCA + `; "weir ca status" shows which authorities there are`,
			cause:   ErrAuthority,
		}
	}
	if now.Before(leaf.NotBefore) {
		return &Error{
			Message: fmt.Sprintf("the certificate of %q is valid from %s on, and here it is %s", subject(leaf), stamp(leaf.NotBefore), stamp(now)),
			Hint:    "set the clocks", cause: ErrNotYetValid,
		}
	}
	if now.After(leaf.NotAfter) {
		return &Error{
			Message: fmt.Sprintf("the certificate of %q has expired at %s, and here it is %s", subject(leaf), stamp(leaf.NotAfter), stamp(now)),
			Hint:    `make a new one with "weir ca issue", or set the clocks`, cause: ErrExpired,
		}
	}
	return nil
}

// subject names a certificate that may not be one of ours.
func subject(certificate *x509.Certificate) string {
	if name, err := NameOf(certificate); err == nil {
		return name.String()
	}
	return certificate.Subject.CommonName
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
