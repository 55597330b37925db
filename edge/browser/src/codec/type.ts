import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {

} from "@bufbuild/protobuf/codegenv2";
import {
  BatchSchema, ErrorSchema, ExplainedSchema, ExplainSchema, GoodbyeSchema, HelloSchema, ParamsSchema, PingSchema, PongSchema, PublishedSchema,
  PublishSchema, RefreshedSchema, RefreshSchema, SubscribedSchema, SubscribeSchema, UnsubscribedSchema,
  UnsubscribeSchema, WelcomeSchema,
} from "./gen/weir/v1/session_pb.js";

/** The frames of SPEC.md, section 2: their types and the messages that they carry. */
export const frames = {
  hello: { type: 0x01, schema: HelloSchema },
  subscribe: { type: 0x02, schema: SubscribeSchema },
  params: { type: 0x03, schema: ParamsSchema },
  unsubscribe: { type: 0x04, schema: UnsubscribeSchema },
  publish: { type: 0x05, schema: PublishSchema },
  refresh: { type: 0x06, schema: RefreshSchema },
  explain: { type: 0x07, schema: ExplainSchema },
  ping: { type: 0x20, schema: PingSchema },
  pong: { type: 0x21, schema: PongSchema },
  welcome: { type: 0x30, schema: WelcomeSchema },
  subscribed: { type: 0x31, schema: SubscribedSchema },
  unsubscribed: { type: 0x32, schema: UnsubscribedSchema },
  published: { type: 0x33, schema: PublishedSchema },
  refreshed: { type: 0x34, schema: RefreshedSchema },
  error: { type: 0x35, schema: ErrorSchema },
  goodbye: { type: 0x36, schema: GoodbyeSchema },
  batch: { type: 0x37, schema: BatchSchema },
  explained: { type: 0x38, schema: ExplainedSchema },
} as const;

/** A frame's name, in lower case. */
export type FrameName = keyof typeof frames;

type MessageOf<S> = S extends GenMessage<infer M> ? M : never;

/** The message that frames of a name carry. */
export type FrameMessage<N extends FrameName> = MessageOf<(typeof frames)[N]["schema"]>;

/** A frame as it was read: its name says what its message is. */
export type Frame = { [N in FrameName]: { readonly name: N; readonly message: FrameMessage<N> } }[FrameName];

const namesByType = new Map<number, FrameName>(
  (Object.keys(frames) as FrameName[]).map((name) => [frames[name].type, name]),
);

/** The name of frames of a type; undefined for a type that this version does not know. */
export function frameName(type: number): FrameName | undefined {
  return namesByType.get(type);
}
