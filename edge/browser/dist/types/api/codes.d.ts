/** Codes of errors that arise in the client. Those of the relay are in SPEC.md. */
export type ClientCode = 
/** The `Weir` or the subscription was closed. */
"closed"
/** No session could be made, or it broke. */
 | "connection_lost"
/** The environment has none of the transports asked for. */
 | "unsupported"
/** The page's origin did not say where the relay is. */
 | "discovery_failed"
/** The token function threw. */
 | "token_unavailable"
/** A payload is not what its content type says. */
 | "payload_malformed"
/** A view is larger than the client is willing to hold. */
 | "view_too_large";
/** A stable name for what went wrong. */
export type ErrorCode = ClientCode | (string & {});
