import type { Subscription, Weir } from "/weir.js";
import type { Transcript } from "./transcript.js";

/** Says in the transcript where the connection was lost, and what was caught up when it was back. */
export function showResume(weir: Weir, subscription: Subscription, transcript: Transcript): void {
  /** The last offset before the loss; undefined while connected. */
  let lostAt: number | undefined;
  /** The last offset that there was when the subscription was open again. */
  let goal: number | undefined;

  const settle = () => {
    const at = subscription.cursor?.offset ?? 0;
    if (lostAt === undefined || goal === undefined || at < goal) return;
    const missed = Math.max(0, goal - lostAt);
    const caughtUp = missed === 0 ? "nothing was missed" : `${missed} ${missed === 1 ? "message" : "messages"} caught up`;
    const line = transcript.remark(`resumed at offset ${lostAt}, ${caughtUp}`, "back");
    line.dataset["missed"] = String(missed);
    lostAt = goal = undefined;
  };

  weir.on("state", (state) => {
    if (state !== "reconnecting" || lostAt !== undefined || !subscription.cursor) return;
    lostAt = subscription.cursor.offset;
    transcript.remark(`connection lost after offset ${lostAt}`, "lost");
  });
  subscription.on("subscribed", (info) => {
    if (lostAt === undefined) return;
    goal = info.nextOffset - 1;
    settle();
  });
  // The cursor moves once all of a batch has been delivered.
  subscription.on("event", () => queueMicrotask(settle));
}
