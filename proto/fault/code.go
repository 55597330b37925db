package fault

// A Code is the stable name of an error. SPEC.md lists them all with what a client does about each.
type Code string

// Codes of a session: the connection itself is refused or ended.
const (
	Unauthenticated   Code = "unauthenticated"     // no token or key, or one that can't be read
	TokenInvalid      Code = "token_invalid"       // forged, wrong key, wrong algorithm, wrong tenant, bad claims
	TokenExpired      Code = "token_expired"       // no longer valid, or not yet
	FrameTooLarge     Code = "frame_too_large"     // length limit exceeded
	FrameMalformed    Code = "frame_malformed"     // bytes that are no frame or no message of its type
	FrameUnknown      Code = "frame_unknown"       // a type that this server does not know
	FrameUnexpected   Code = "frame_unexpected"    // a known type at the wrong moment or from the wrong side
	HelloTimeout      Code = "hello_timeout"       // no HELLO in time
	IdleTimeout       Code = "idle_timeout"        // not heard from in time
	Draining          Code = "draining"            // the edge is going away; connect anew
	TooManySessions   Code = "too_many_sessions"   // the edge or the tenant is at its limit
	ProtocolViolation Code = "protocol_violation"  // anything else that SPEC.md forbids
	VersionMismatch   Code = "version_unsupported" // no common sub-protocol
)

// Codes of a request: it is refused, the session goes on.
const (
	InvalidArgument       Code = "invalid_argument"
	PermissionDenied      Code = "permission_denied"
	NotFound              Code = "not_found"
	AlreadyExists         Code = "already_exists"
	ChannelInvalid        Code = "channel_invalid"
	NamespaceUnknown      Code = "namespace_unknown"
	TenantUnknown         Code = "tenant_unknown"
	FilterUnknown         Code = "filter_unknown"
	FilterParams          Code = "filter_params_invalid" // the filter's own message
	FilterFailed          Code = "filter_failed"         // trapped, overran its time or memory, or answered nonsense
	FuelExhausted         Code = "fuel_exhausted"        // the tenant's filters need more fuel than they may use in a second
	ModuleInvalid         Code = "module_invalid"
	ModuleTooLarge        Code = "module_too_large"
	TooManySubscriptions  Code = "too_many_subscriptions"
	TooManyFilters        Code = "too_many_filters"
	SubscriptionDuplicate Code = "subscription_duplicate"
	SubscriptionUnknown   Code = "subscription_unknown"
	PayloadTooLarge       Code = "payload_too_large"
	KeyRequired           Code = "key_required"          // a state channel's event without a key
	KeyInvalid            Code = "key_invalid"           // too long, or not UTF-8
	StateFull             Code = "state_full"            // a state channel at its bound of keys
	EphemeralNotAllowed   Code = "ephemeral_not_allowed" // ack none on a state channel
	SequenceGap           Code = "sequence_gap"          // an earlier publication of this producer is missing: send it first
	SequenceExpired       Code = "sequence_expired"      // too old to tell whether it had been accepted
	ProducerExpired       Code = "producer_expired"      // the identity has been forgotten: open a new one
	CursorAhead           Code = "cursor_ahead"          // a cursor beyond the channel's end
	Busy                  Code = "busy"                  // a bounded queue is full: nothing was accepted
	NotLeader             Code = "not_leader"            // another node leads the channel's group: nothing was accepted
	Unavailable           Code = "unavailable"           // the hub can't be reached or has no leader
	Timeout               Code = "timeout"               // no answer in time: it may or may not have happened
	Internal              Code = "internal"
)

// Retryable reports whether the same request may succeed later, unchanged.
func (c Code) Retryable() bool {
	switch c {
	case Busy, NotLeader, Unavailable, Timeout, Internal, Draining, TooManySessions, HelloTimeout, IdleTimeout, SequenceGap, StateFull, FuelExhausted:
		return true
	}
	return false
}
