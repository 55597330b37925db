package gateway_test

import (
	"crypto/tls"
	"time"

	linkserver "weir/hub/link"
)

// An identity is that of all nodes in a test.
type identity struct{ *linkserver.Identity }

func linkIdentity(dir string) (*identity, error) {
	i, err := linkserver.EnsureIdentity(dir, "hub-1", time.Now(), quiet)
	return &identity{i}, err
}

func (i *identity) client() *tls.Config { return linkserver.ClientTLS(i.Certificates()) }

func newServer(n *node, i *identity) (*linkserver.Server, error) {
	return linkserver.New(linkserver.Config{
		Hub: n, Identity: i.Identity, Node: n.name, Logger: quiet, Call: n.answer, Stats: n,
	})
}
