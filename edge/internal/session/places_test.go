package session

import "testing"

func TestPlacesAreBoundedForAllAndForEach(t *testing.T) {
	p := newPlaces(3, 2)
	for i, step := range []struct {
		who  string
		want bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"b", false}, {"c", false}} {
		if got := p.take(step.who); got != step.want {
			t.Errorf("step %d, %s: %v", i, step.who, got)
		}
	}
	p.leave("a")
	if !p.take("c") || p.take("b") {
		t.Error("a place that was given back is not the next one's")
	}
	for _, who := range []string{"a", "b", "c"} {
		p.leave(who)
	}
	if p.taken != 0 || len(p.byWho) != 0 {
		t.Errorf("all have left: %d, %v", p.taken, p.byWho)
	}
}
