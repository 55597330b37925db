package metrics

import (
	"fmt"
	"testing"
)

func TestTenantsBeyondTheBoundShareALabel(t *testing.T) {
	var tenants Tenants
	for range 2 {
		for i := range tenantsMost + 10 {
			name, want := fmt.Sprint("tenant", i), fmt.Sprint("tenant", i)
			if i >= tenantsMost {
				want = otherTenants
			}
			if got := tenants.Label(name); got != want {
				t.Fatalf("the label of %s is %s", name, got)
			}
		}
	}
}
