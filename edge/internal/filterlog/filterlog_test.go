package filterlog

import (
	"fmt"
	"slices"
	"testing"

	"weir/edge/internal/sieve"
	"weir/proto/weirpb"
)

func id(tenant string, version uint32) sieve.ID {
	return sieve.ID{Tenant: tenant, Name: "f", Version: version}
}

func texts(lines []*weirpb.FilterLine) (all []string) {
	for _, l := range lines {
		all = append(all, fmt.Sprintf("%s@%d/%d:%s", l.GetTenant(), l.GetVersion(), l.GetNumber(), l.GetText()))
	}
	return all
}

func TestLinesAreNumberedAndApart(t *testing.T) {
	l := New()
	v := l.Voice(id("acme", 1))
	v.Said("chat", "one")
	v.LeftOut()
	v.LeftOut()
	l.Voice(id("acme", 1)).Said("chat", "four") // opened again
	l.Voice(id("other", 1)).Said("chat", "secret")
	lines := l.Of("acme", "f")
	if got := texts(lines); !slices.Equal(got, []string{"acme@1/1:one", "acme@1/4:four"}) || lines[0].GetChannel() != "chat" {
		t.Errorf("the lines are %v", got)
	}
	if n := l.Said(id("acme", 1)); n != 4 {
		t.Errorf("%d lines were said", n)
	}
	if p := l.Positions("acme", ""); len(p) != 1 || p[0].GetNumber() != 4 {
		t.Errorf("positions are %v", p)
	}
	if lines := l.Of("acme", "g"); len(lines) != 0 {
		t.Errorf("another filter has said %v", texts(lines))
	}
}

func TestAReaderTakesEachLineOnceAndIsFair(t *testing.T) {
	l := New()
	for i := range 300 {
		l.Voice(id("loud", 1)).Said("", fmt.Sprint(i))
	}
	l.Voice(id("quiet", 1)).Said("", "here")
	r := l.Reader()
	first := texts(r.Next(20))
	if len(first) != 20 || !slices.Contains(first, "quiet@1/1:here") || !slices.Contains(first, "loud@1/1:0") {
		t.Errorf("taken is %v", first)
	}
	seen := len(first)
	for {
		more := r.Next(100)
		if len(more) == 0 {
			break
		}
		seen += len(more)
	}
	if seen != 301 {
		t.Errorf("%d lines were taken", seen)
	}
	r.Rewind()
	if again := r.Next(1000); len(again) != 301 {
		t.Errorf("%d lines are taken again", len(again))
	}
}

func TestGoneTenantsAreForgotten(t *testing.T) {
	l := New()
	l.Voice(id("acme", 1)).Said("", "one")
	l.Voice(id("other", 1)).Said("", "two")
	r := l.Reader()
	r.Next(10)
	l.Forget(func(id sieve.ID) bool { return id.Tenant == "other" })
	if lines := l.Of("acme", ""); len(lines) != 0 || l.Said(id("acme", 1)) != 0 {
		t.Errorf("kept is %v", texts(lines))
	}
	if lines := l.Of("other", ""); len(lines) != 1 {
		t.Errorf("of the other tenant is kept %v", texts(lines))
	}
	if r.Next(10); len(r.taken) != 1 {
		t.Errorf("the reader knows of %d tenants", len(r.taken))
	}
}
