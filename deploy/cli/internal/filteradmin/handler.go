// Package filteradmin serves what an edge knows of the filters that it runs, on its private address: what each version has
// done, what filters say, for which subscriptions they decide, and why.
package filteradmin

import (
	"context"
	"encoding/json"
	"net/http"

	"weir/edge"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// An Edge is what is asked; *edge.Server is one.
type Edge interface {
	FilterStats(tenant, filter string) []edge.FilterStats
	Subscriptions(tenant, channel string) []edge.Subscription
	Explain(ctx context.Context, id string, event *weirpb.Cursor) (*weirpb.Explanation, error)
	FilterLogs(tenant, filter string) *weirpb.GetFilterLogsResponse
	// Check says why there is nothing to tell of a tenant, or of a filter unless its name is empty; nil if there may be.
	Check(tenant, filter string) *fault.Fault
}

// Handler serves
//
//	GET /filters/stats?tenant=T[&filter=F]            a JSON array of edge.FilterStats
//	GET /filters/logs?tenant=T[&filter=F]             a weir.v1.GetFilterLogsResponse in JSON
//	GET /subscriptions?tenant=T[&channel=C]           a JSON array of edge.Subscription
//	GET /subscriptions/explain?tenant=T&subscription=ID&epoch=E&offset=O   a weir.v1.Explanation in JSON
//
// and leaves the rest to next. ready returns the edge, nil while there is none.
func Handler(next http.Handler, ready func() Edge) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("GET /filters/stats", func(w http.ResponseWriter, r *http.Request) {
		if e, query := ask(w, r, ready); e != nil {
			writeJSON(w, e.FilterStats(query.tenant, query.filter))
		}
	})
	mux.HandleFunc("GET /filters/logs", func(w http.ResponseWriter, r *http.Request) {
		if e, query := ask(w, r, ready); e != nil {
			writeProto(w, http.StatusOK, e.FilterLogs(query.tenant, query.filter))
		}
	})
	mux.HandleFunc("GET /subscriptions", func(w http.ResponseWriter, r *http.Request) {
		if e, query := ask(w, r, ready); e != nil {
			writeJSON(w, e.Subscriptions(query.tenant, r.URL.Query().Get("channel")))
		}
	})
	mux.HandleFunc("GET /subscriptions/explain", func(w http.ResponseWriter, r *http.Request) {
		if e, query := ask(w, r, ready); e != nil {
			serveExplain(w, r, e, query.tenant)
		}
	})
	return mux
}

type query struct{ tenant, filter string }

// ask returns the edge and what is asked about; nil if the request has been answered already, as it can't be met.
func ask(w http.ResponseWriter, r *http.Request, ready func() Edge) (Edge, query) {
	q := query{r.URL.Query().Get("tenant"), r.URL.Query().Get("filter")}
	if q.tenant == "" {
		http.Error(w, "say whose filters, as in ?tenant=demo", http.StatusBadRequest)
		return nil, q
	}
	e := ready()
	if e == nil {
		http.Error(w, "the edge is starting or stopping", http.StatusServiceUnavailable)
		return nil, q
	}
	if f := e.Check(q.tenant, q.filter); f != nil {
		writeProto(w, http.StatusNotFound, f.ToProto())
		return nil, q
	}
	return e, q
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// It fails only if the caller has gone.
	_ = json.NewEncoder(w).Encode(v)
}
