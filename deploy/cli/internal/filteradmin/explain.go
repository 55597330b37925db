package filteradmin

import (
	"net/http"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"weir/edge"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// serveExplain answers with an explanation, or a weir.v1.Fault with status 422. A subscription of another tenant is none.
func serveExplain(w http.ResponseWriter, r *http.Request, e Edge, tenant string) {
	q := r.URL.Query()
	id := q.Get("subscription")
	epoch, badEpoch := strconv.ParseUint(q.Get("epoch"), 10, 64)
	offset, badOffset := strconv.ParseUint(q.Get("offset"), 10, 64)
	if badEpoch != nil || badOffset != nil {
		http.Error(w, "name the event, as in &epoch=1795000000123&offset=42", http.StatusBadRequest)
		return
	}
	var x *weirpb.Explanation
	err := error(fault.New(fault.SubscriptionUnknown, "the tenant has no subscription %.64q on this edge", id).
		WithHint("weir subscriptions lists them; it may be on another edge, or have ended"))
	if slices.ContainsFunc(e.Subscriptions(tenant, ""), func(s edge.Subscription) bool { return s.ID == id }) {
		x, err = e.Explain(r.Context(), id, &weirpb.Cursor{Epoch: epoch, Offset: offset})
	}
	if err != nil {
		writeProto(w, http.StatusUnprocessableEntity, fault.From(err).ToProto())
		return
	}
	writeProto(w, http.StatusOK, x)
}

func writeProto(w http.ResponseWriter, status int, m proto.Message) {
	text, err := protojson.Marshal(m)
	if err != nil {
		http.Error(w, "the answer can't be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // it fails only if the caller has gone
}
