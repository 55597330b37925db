package metrics

import "sync"

const (
	// tenantsMost bounds the values of the label "tenant": each is a time series of a dozen metrics, for good.
	tenantsMost = 200
	// otherTenants is the label of the tenants beyond that. No tenant can be called so: their names begin with a letter.
	otherTenants = "_other"
)

// Tenants gives tenants their label: the first so many their own name, all others one that they share. Who has one keeps it, so
// counters never go down. It is safe for concurrent use.
type Tenants struct {
	mu    sync.Mutex
	named map[string]bool // guarded by mu
}

// Label returns the value of the label "tenant" for a tenant.
func (t *Tenants) Label(tenant string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.named[tenant] {
		return tenant
	}
	if len(t.named) >= tenantsMost {
		return otherTenants
	}
	if t.named == nil {
		t.named = make(map[string]bool)
	}
	t.named[tenant] = true
	return tenant
}
