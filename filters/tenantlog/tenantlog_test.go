package tenantlog

import (
	"fmt"
	"slices"
	"testing"
)

func TestEachTenantKeepsItsLatest(t *testing.T) {
	l := New[int](3, 100)
	for i := range 5 {
		l.Add("a", i)
	}
	l.Add("b", 9)
	if a, b := l.Of("a"), l.Of("b"); !slices.Equal(a, []int{2, 3, 4}) || !slices.Equal(b, []int{9}) || len(l.Of("c")) != 0 {
		t.Errorf("kept of a is %v, of b %v", a, b)
	}
	l.Forget("a")
	if len(l.Of("a")) != 0 || l.total != 1 {
		t.Errorf("%d entries are left", l.total)
	}
}

func TestWhoSaysMostLosesFirst(t *testing.T) {
	l := New[int](50, 64)
	l.Add("quiet", 1)
	for i := range 1000 {
		l.Add("loud", i)
		l.Add("louder", 2*i)
		l.Add("louder", 2*i+1)
	}
	if quiet, loud := l.Of("quiet"), l.Of("loud"); len(quiet) != 1 || len(loud) < 8 || loud[len(loud)-1] != 999 {
		t.Errorf("kept of the quiet one is %v, of the loud one %v", quiet, loud)
	}
	if l.total > 64 {
		t.Errorf("%d entries are kept", l.total)
	}
}

func TestManyTenantsStayWithinTheBound(t *testing.T) {
	l := New[int](10, 100)
	for i := range 10_000 {
		l.Add(fmt.Sprint("tenant-", i), i)
	}
	kept := 0
	for tenant := range l.Tenants() {
		kept += len(l.Of(tenant))
	}
	if kept != l.total || kept > 100 || kept == 0 {
		t.Errorf("%d entries are kept, counted were %d", kept, l.total)
	}
}
