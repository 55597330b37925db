/**
 * Live channels in the browser, filtered at the edge.
 *
 * @packageDocumentation
 */
export { connect } from "./connect.js";
export { WeirError } from "./error.js";
export type { WeirErrorDetail } from "./error.js";
export type { ClientCode, ErrorCode } from "./api/codes.js";
export type { Explanation, FilterExplanation, Verdict } from "./api/explanation.js";
export type { Cursor, Gap, GapReason, Message, MessageKind, Skip, Snapshot } from "./api/message.js";
export type {
  FilterSpec, SubscribedInfo, SubscribeOptions, Subscription, SubscriptionEvents, SubscriptionStats,
} from "./api/subscription.js";
export type {
  ConnectOptions, Handler, Published, PublishOptions, State, StateDetail, Stats, Token, TransportKind, Weir, WeirEvents,
} from "./api/weir.js";
