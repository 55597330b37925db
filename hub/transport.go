package hub

import (
	"context"

	"github.com/hashicorp/raft"
)

// A Transport joins a region's nodes, which it knows by name. Mesh makes one over QUIC; tests have one in memory. One that is
// an io.Closer is closed with the hub, after all that uses it.
type Transport interface {
	// StreamLayer carries the traffic of one Raft group. Its addresses are names of nodes.
	StreamLayer(group uint32) raft.StreamLayer
	// Handle has h answer calls of a method. from is the caller's name, which the transport has verified.
	Handle(method string, h func(ctx context.Context, from string, request []byte) ([]byte, error))
	// Call calls a method of a node.
	Call(ctx context.Context, node, method string, request []byte) ([]byte, error)
	// CallAddress calls a method of whatever node is at an address, and returns its name.
	CallAddress(ctx context.Context, addr, method string, request []byte) (node string, response []byte, err error)
}

// A Peer is one of the nodes that are to make up a new region.
type Peer struct {
	ID string
	Addresses
}

// Addresses are where a node is reached. Each may be empty.
type Addresses struct {
	// Mesh is for the region's other nodes and Link for edges: host:port, UDP.
	Mesh, Link string
	// API is the URL of the server API.
	API string
}
