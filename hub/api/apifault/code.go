package apifault

import (
	"connectrpc.com/connect"

	"weir/proto/fault"
)

// connectCode returns the Connect code for a weir code. It decides the HTTP status: what the caller must change is 4xx,
// what may pass by itself is 409, 429, 503 or 504.
func connectCode(code fault.Code) connect.Code {
	switch code {
	case fault.Unauthenticated, fault.TokenInvalid, fault.TokenExpired:
		return connect.CodeUnauthenticated
	case fault.PermissionDenied:
		return connect.CodePermissionDenied
	case fault.NotFound, fault.NamespaceUnknown, fault.TenantUnknown, fault.FilterUnknown:
		return connect.CodeNotFound
	case fault.AlreadyExists:
		return connect.CodeAlreadyExists
	case fault.InvalidArgument, fault.ChannelInvalid, fault.FilterParams, fault.ModuleInvalid, fault.ModuleTooLarge,
		fault.PayloadTooLarge, fault.KeyRequired, fault.KeyInvalid, fault.EphemeralNotAllowed, fault.FrameMalformed:
		return connect.CodeInvalidArgument
	case fault.CursorAhead:
		return connect.CodeOutOfRange
	case fault.SequenceExpired, fault.ProducerExpired, fault.FilterFailed:
		return connect.CodeFailedPrecondition
	case fault.SequenceGap:
		return connect.CodeAborted
	case fault.Busy, fault.StateFull, fault.TooManySessions, fault.TooManySubscriptions, fault.TooManyFilters,
		fault.FuelExhausted:
		return connect.CodeResourceExhausted
	case fault.Unavailable, fault.NotLeader, fault.Draining:
		return connect.CodeUnavailable
	case fault.Timeout:
		return connect.CodeDeadlineExceeded
	}
	return connect.CodeInternal
}

// faultCode returns the nearest weir code for a Connect code that came without a fault.
func faultCode(code connect.Code) fault.Code {
	switch code {
	case connect.CodeUnauthenticated:
		return fault.Unauthenticated
	case connect.CodePermissionDenied:
		return fault.PermissionDenied
	case connect.CodeNotFound, connect.CodeUnimplemented:
		return fault.NotFound
	case connect.CodeAlreadyExists:
		return fault.AlreadyExists
	case connect.CodeInvalidArgument, connect.CodeOutOfRange, connect.CodeFailedPrecondition:
		return fault.InvalidArgument
	case connect.CodeResourceExhausted:
		return fault.Busy
	case connect.CodeUnavailable, connect.CodeAborted:
		return fault.Unavailable
	case connect.CodeDeadlineExceeded, connect.CodeCanceled:
		return fault.Timeout
	}
	return fault.Internal
}
