// Package filteradmin serves what an edge knows of the filters that it runs, on its private address: what each version has
// done, and what filters say.
package filteradmin

import (
	"encoding/json"
	"net/http"

	"weir/edge"
)

// An Edge is what is asked; *edge.Server is one.
type Edge interface {
	FilterStats(tenant, filter string) []edge.FilterStats
}

// Handler serves
//
//	GET /filters/stats?tenant=T[&filter=F]            a JSON array of edge.FilterStats
//	GET /filters/logs?tenant=T&filter=F[&follow=true] a JSON object per line, see Line; with follow until the client leaves
//
// and leaves the rest to next. ready returns the edge, nil while there is none.
func Handler(next http.Handler, ready func() Edge, logs *Logs) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("GET /filters/stats", func(w http.ResponseWriter, r *http.Request) {
		if e, query := ask(w, r, ready); e != nil {
			writeJSON(w, e.FilterStats(query.tenant, query.filter))
		}
	})
	mux.HandleFunc("GET /filters/logs", func(w http.ResponseWriter, r *http.Request) {
		if e, query := ask(w, r, ready); e != nil {
			logs.serve(w, r, e, query)
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
	}
	return e, q
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// It fails only if the caller has gone.
	_ = json.NewEncoder(w).Encode(v)
}
