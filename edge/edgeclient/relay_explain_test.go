package edgeclient_test

import (
	"strings"
	"testing"
	"time"

	"weir/edge/edgeclient"
	"weir/edge/token"
	"weir/proto/fault"
)

// allowed gives the relay's clients tokens with the claim explain.
func (r *relay) allowExplain() {
	r.t.Helper()
	key, err := token.ParseJWK([]byte(jwk))
	if err != nil {
		r.t.Fatal(err)
	}
	r.token, err = token.Mint(&token.Claims{
		Tenant: "acme", Subject: "ann", Expires: time.Now().Add(time.Hour), Subscribe: []string{"*"}, Publish: []string{"*"}, Explain: true,
	}, key)
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestExplain(t *testing.T) {
	r := startRelay(t)
	for _, claim := range []bool{false, true} {
		if claim {
			r.allowExplain()
		}
		c := r.dial("webtransport")
		sub, err := c.Subscribe(within(t), "state:places", edgeclient.SubscribeOptions{
			Filters: []edgeclient.Filter{{Name: "viewport", Params: box(0, 0, 10, 10)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		var at edgeclient.Cursor
		for i, payload := range [][]byte{place(50, 50), place(5, 5)} {
			receipt, err := c.Publish(within(t), edgeclient.Publication{Channel: "state:places", Key: []string{"out", "in"}[i], Payload: payload})
			if err != nil {
				t.Fatal(err)
			}
			at = receipt.Cursor
		}
		x, err := sub.Explain(within(t), at)
		if !claim {
			if f := fault.From(err); f.Code != fault.PermissionDenied || !strings.Contains(f.Hint, "explain") {
				t.Errorf("without the claim: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if x.Verdict != edgeclient.VerdictMatch || x.Key != "in" || string(x.Shown) != string(place(5, 5)) || len(x.Filters) != 1 {
			t.Errorf("a match is explained as %+v", x)
		}
		if f := x.Filters[0]; f.Name != "viewport" || f.Version != 1 || f.MatchFuel == 0 || f.PrepareFuel == 0 || f.Err != nil {
			t.Errorf("the filter says %+v", f)
		}
		if x, err = sub.Explain(within(t), edgeclient.Cursor{Epoch: at.Epoch, Offset: at.Offset - 1}); err != nil || x.Verdict != edgeclient.VerdictHeld || x.Shown != nil {
			t.Errorf("what was held back is explained as %+v, %v", x, err)
		}
		if _, err := sub.Explain(within(t), edgeclient.Cursor{Epoch: at.Epoch, Offset: at.Offset + 1}); fault.CodeOf(err) != fault.CursorAhead {
			t.Errorf("an event that is not there yet: %v", err)
		}
		sub.Close()
		if _, err := sub.Explain(within(t), at); err != edgeclient.ErrUnsubscribed {
			t.Errorf("closed: %v", err)
		}
	}
}
