package control

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// A Check makes sure of all rows of a control state that they are what commands write and that they belong together. It
// keeps the names of tenants and the digests of modules.
type Check struct {
	ids      map[uint64]struct{}
	tenants  map[string]struct{}
	owners   map[string][]byte // of namespaces, keys and filters, with the key of one row of each
	complete map[Digest]bool   // modules whose chunks have their digest
	meta     bool

	// module is what the chunks before hash to, those of the module at.
	module hash.Hash
	at     Digest
}

// NewCheck returns a Check.
func NewCheck() *Check {
	return &Check{
		ids: map[uint64]struct{}{}, tenants: map[string]struct{}{}, owners: map[string][]byte{}, complete: map[Digest]bool{},
	}
}

// Knows reports whether a tenant is there, or is being dropped, whose id this is.
func (c *Check) Knows(tenantID uint64) bool {
	_, ok := c.ids[tenantID]
	return ok
}

// Tenants returns how many there are.
func (c *Check) Tenants() int { return len(c.tenants) }

// Row takes the next row, in the order of keys. The error is a *store.CorruptError.
func (c *Check) Row(key, body []byte) error {
	if len(key) < 2 || key[0] != store.OfControl {
		return corrupt(key, "it is no row of the control state")
	}
	if key[1] != kindChunk {
		c.endModule()
	}
	var err error
	switch key[1] {
	case kindMeta:
		err = c.takeMeta(body)
	case kindTenant:
		err = c.takeTenant(body)
	case kindNamespace:
		err = c.owned(key, body, &weirpb.Namespace{})
	case kindSigningKey:
		err = c.owned(key, body, &weirpb.SigningKey{})
	case kindFilter:
		err = c.owned(key, body, &weirpb.FilterVersion{})
	case kindApiKey:
		err = proto.Unmarshal(body, &logpb.ApiKeyRecord{})
	case kindNode:
		err = proto.Unmarshal(body, &logpb.NodeRecord{})
	case kindModule:
		err = c.takeModule(body)
	case kindChunk:
		err = c.takeChunk(key, body)
	default:
		err = fmt.Errorf("rows of the kind %q are unknown", key[1])
	}
	if err != nil {
		return corrupt(key, "%w", err)
	}
	return nil
}

// End says whether rows are missing.
func (c *Check) End() error {
	if !c.meta {
		return corrupt([]byte{store.OfControl, kindMeta}, "it is missing")
	}
	for tenant, key := range c.owners {
		if _, ok := c.tenants[tenant]; !ok {
			return corrupt(key, "there is no such tenant")
		}
	}
	return nil
}

func (c *Check) takeMeta(body []byte) error {
	m := &logpb.ControlMeta{}
	if err := proto.Unmarshal(body, m); err != nil {
		return err
	}
	c.meta = true
	for _, id := range m.GetDropping() {
		c.ids[id] = struct{}{}
	}
	return nil
}

func (c *Check) takeTenant(body []byte) error {
	t := &logpb.TenantRecord{}
	if err := proto.Unmarshal(body, t); err != nil {
		return err
	}
	c.ids[t.GetId()] = struct{}{}
	c.tenants[t.GetTenant().GetName()] = struct{}{}
	return nil
}

// owned takes what belongs to a tenant.
func (c *Check) owned(key, body []byte, m interface {
	proto.Message
	GetTenant() string
},
) error {
	if err := proto.Unmarshal(body, m); err != nil {
		return err
	}
	if c.owners[m.GetTenant()] == nil {
		c.owners[m.GetTenant()] = bytes.Clone(key)
	}
	return nil
}

// takeModule comes after all chunks.
func (c *Check) takeModule(body []byte) error {
	m := &logpb.ModuleRecord{}
	if err := proto.Unmarshal(body, m); err != nil {
		return err
	}
	d, ok := digestOf(m.GetDigest())
	if !ok || m.GetCommitted() && !c.complete[d] {
		return fmt.Errorf("the module does not have its digest")
	}
	return nil
}

func (c *Check) takeChunk(key, body []byte) error {
	if len(key) != 2+len(Digest{})+4 {
		return fmt.Errorf("it is no part of a module")
	}
	d := Digest(key[2 : 2+len(Digest{})])
	if c.module == nil || d != c.at {
		c.endModule()
		c.module, c.at = sha256.New(), d
	}
	c.module.Write(body)
	return nil
}

func (c *Check) endModule() {
	if c.module != nil {
		c.complete[c.at] = Digest(c.module.Sum(nil)) == c.at
		c.module = nil
	}
}

func corrupt(key []byte, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &store.CorruptError{Key: bytes.Clone(key), Reason: err.Error()}
}
