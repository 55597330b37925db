package transport

import (
	"fmt"
	"math"
	"net/http"
	"strconv"

	"weir/proto/fault"
)

// faultHeader carries the code of the fault for which a session was refused.
const faultHeader = "Weir-Fault"

// statuses are the HTTP statuses of refusals; others are 400.
var statuses = map[fault.Code]int{
	fault.PermissionDenied: http.StatusForbidden,
	fault.Draining:         http.StatusServiceUnavailable,
	fault.TooManySessions:  http.StatusServiceUnavailable,
}

// refuse answers a request for a session with why there is none.
func refuse(w http.ResponseWriter, f *fault.Fault) {
	status, ok := statuses[f.Code]
	if !ok {
		status = http.StatusBadRequest
	}
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set(faultHeader, string(f.Code))
	if f.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	w.WriteHeader(status)
	fmt.Fprintln(w, f.Error())
}
