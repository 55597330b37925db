package api

import (
	"net/http"

	"connectrpc.com/connect"

	"weir/hub/api/apifault"
	"weir/proto/fault"
)

// refuseHTTP answers a request that never gets to its call, in the form of the protocol that it speaks.
func refuseHTTP(w http.ResponseWriter, r *http.Request, f *fault.Fault) {
	// It fails only if the caller has gone.
	_ = connect.NewErrorWriter().Write(w, r, apifault.Encode(f))
}

// An explainingWriter gives a body to the two answers that Connect leaves without one: people with curl get them first.
type explainingWriter struct {
	http.ResponseWriter
	request *http.Request
	call    *call
}

// Unwrap lets http.ResponseController find the connection.
func (w *explainingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader writes the status and, where Connect has nothing more to say, why.
func (w *explainingWriter) WriteHeader(status int) {
	var f *fault.Fault
	switch status {
	case http.StatusMethodNotAllowed:
		f = fault.New(fault.InvalidArgument, "%s is not how this is called", w.request.Method).
			WithHint("use POST, with the request as JSON")
	case http.StatusUnsupportedMediaType:
		f = fault.New(fault.InvalidArgument, "the request's content type is not one that is understood here").
			WithHint("for JSON, send the header \"Content-Type: application/json\"")
	default:
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.call.refusal = f
	refuseHTTP(&fixedStatus{w.ResponseWriter, status}, w.request, f)
}

// fixedStatus keeps the status that Connect chose, which its clients know, for an answer that would have another.
type fixedStatus struct {
	http.ResponseWriter
	status int
}

func (w *fixedStatus) WriteHeader(int) { w.ResponseWriter.WriteHeader(w.status) }
