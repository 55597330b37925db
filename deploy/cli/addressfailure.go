package cli

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// addressFailure says which flag has an address that can't be listened on.
func addressFailure(flag string, err error) error {
	hint := fmt.Sprintf("--%s changes it", flag)
	if errors.Is(err, syscall.EADDRINUSE) {
		hint = fmt.Sprintf("is another weir running? --%s changes it; port 0 takes a free one", flag)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil {
		return failf(hint, "can't listen on %s: %w", op.Addr, op.Err)
	}
	return failf(hint, "can't listen: %w", err)
}
