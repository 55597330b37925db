package mesh

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

// TestAnotherIncarnationIsRefused has a process connect that has the name of a node but is not the one, in either direction, and
// one that ceases to be it.
func TestAnotherIncarnationIsRefused(t *testing.T) {
	for _, direction := range []struct{ from, to int }{{0, 1}, {1, 0}} {
		inRegion(t, 2, func(t *testing.T, r *region) {
			from, to := r.nodes[direction.from], r.nodes[direction.to]
			for _, n := range r.nodes {
				n.Handle("echo", echo)
			}
			expected := "first"
			r.nodes[1].incarnation = "first"
			r.nodes[0].recognise = func(node, incarnation string) error {
				if node == "hub-2" && incarnation != expected {
					return errors.New("another one has its place")
				}
				return nil
			}
			if _, err := from.Call(t.Context(), to.name, "echo", nil); err != nil {
				t.Fatal(err)
			}
			expected = "second"
			r.nodes[0].Recheck()
			synctest.Wait()
			if n := r.nodes[0].connections(); n != 0 {
				t.Fatalf("%d connections stay", n)
			}
			_, err := from.Call(t.Context(), to.name, "echo", nil)
			if err == nil || !strings.Contains(err.Error(), "another one has its place") {
				t.Errorf("%s: a call is answered with %v", from.name, err)
			}
			name, answer, err := from.CallAddress(t.Context(), to.addr.String(), "echo", []byte("x"))
			if err != nil || name != to.name || string(answer) != from.name+" x" {
				t.Errorf("a single call at an address: %q, %q, %v", name, answer, err)
			}
		})
	}
}
