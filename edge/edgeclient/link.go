package edgeclient

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
)

// subprotocol is what this client speaks.
const subprotocol = "weir.1"

// link is a connection to an edge, over which frames travel.
type link interface {
	// transport returns WebTransport or WebSocket.
	transport() string
	// read calls handle with each frame from the server until there is an error, which it gives to end at once; it returns
	// when no call of handle is left. Batches may come while another frame is handled, but each kind comes one at a time
	// and in order. A body is valid during the call.
	read(handle func(t frame.Type, body []byte) error, end func(error))
	// write sends whole frames. It is called by one goroutine at a time.
	write(frames []byte) error
	// close ends the connection, in good order if that is quick, and makes read and write return. It may be called by
	// anyone, repeatedly.
	close()
}

// refusedError says that an edge refused a session before there was one.
type refusedError struct {
	status int
	fault  *fault.Fault // nil: the answer was not an edge's
}

func (e *refusedError) Error() string {
	if e.fault != nil {
		return e.fault.Error()
	}
	return fmt.Sprintf("the server answered with HTTP status %d", e.status)
}

func (e *refusedError) Unwrap() error {
	if e.fault == nil {
		return nil
	}
	return e.fault
}

// refused returns what an edge's answer says, or err where there is no answer.
func refused(response *http.Response, err error) error {
	if response == nil || response.StatusCode < 300 {
		return err
	}
	code := response.Header.Get("Weir-Fault")
	if code == "" || len(code) > 64 {
		return &refusedError{status: response.StatusCode}
	}
	f := fault.New(fault.Code(code), "the edge refused the session")
	if seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16); err == nil {
		f.RetryAfter = time.Duration(seconds) * time.Second
	}
	return &refusedError{status: response.StatusCode, fault: f}
}
