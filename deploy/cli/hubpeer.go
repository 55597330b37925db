package cli

import (
	"fmt"
	"strings"

	"weir/hub"
)

// A hubPeer is a node of a new region as people write it: "id=hub-1,mesh=10.0.0.1:8447". In a configuration file it is a
// map of the same.
type hubPeer hub.Peer

// UnmarshalText reads one.
func (p *hubPeer) UnmarshalText(text []byte) error {
	*p = hubPeer{}
	for field := range strings.SplitSeq(string(text), ",") {
		called, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		into := map[string]*string{"id": &p.ID, "mesh": &p.Mesh, "link": &p.Link, "api": &p.API}[called]
		switch {
		case !ok || into == nil:
			return fmt.Errorf("%q is none of id=NAME, mesh=HOST:PORT, link=HOST:PORT, api=URL", field)
		case value == "" || *into != "":
			return fmt.Errorf("%q has no value or is there twice", called)
		}
		*into = value
	}
	if p.ID == "" || p.Mesh == "" {
		return fmt.Errorf("%q lacks id or mesh", text)
	}
	return nil
}

func peersOf(list []hubPeer) []hub.Peer {
	var all []hub.Peer
	for _, p := range list {
		all = append(all, hub.Peer(p))
	}
	return all
}

// advertised is where others reach the node. An address that listens everywhere tells nobody where.
func (c *hubRun) advertised() hub.Addresses {
	scheme := "http://"
	if c.Cert != "" {
		scheme = "https://"
	}
	return hub.Addresses{
		Mesh: firstNonEmpty(c.AdvertiseMesh, c.Mesh), Link: firstNonEmpty(c.AdvertiseLink, c.Link),
		API: firstNonEmpty(c.AdvertiseAPI, scheme+c.API),
	}
}
