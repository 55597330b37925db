import type { Gap, Message, Subscription, Weir } from "/weir.js";
import type { Transcript } from "./transcript.js";

/** The payload of an event of channel "chat". */
export interface Said {
  readonly from: string;
  readonly text: string;
  /** Chosen by the page that published it, which knows its own message again by it. */
  readonly id: string;
}

/** Joins the subscription, the publications of this page, and what is shown of both. */
export class Room {
  /** Messages without a receipt. */
  pending = 0;
  gaps = 0;

  constructor(
    private readonly weir: Weir, subscription: Subscription<Said>, private readonly transcript: Transcript,
    private readonly changed: () => void,
  ) {
    subscription.on("event", (m) => this.heard(m));
    subscription.on("gap", (gap) => this.missing(gap));
  }

  /** Shows the message at once, and marks it when it is durable. */
  async say(from: string, text: string): Promise<void> {
    const said: Said = { from, text, id: crypto.randomUUID() };
    this.transcript.expect(said);
    this.pending++;
    this.changed();
    try {
      const { offset } = await this.weir.publish("chat", said);
      this.transcript.acknowledge(said.id, offset);
    } catch (error) {
      this.transcript.reject(said.id, error instanceof Error ? error.message : String(error));
    } finally {
      this.pending--;
      this.changed();
    }
  }

  private heard(m: Message<Said>): void {
    this.transcript.append(m.offset, m.time, read(m));
    this.changed();
  }

  private missing(gap: Gap): void {
    this.gaps++;
    const what = gap.from > 0 ? `messages ${gap.from} to ${gap.to} are gone` : "some messages are gone";
    this.transcript.remark(`${what} (${gap.reason})`);
    this.changed();
  }
}

/** Anybody may publish anything: what is no message of this page is shown as text. */
function read(m: Message<Said>): Said {
  try {
    const { from, text, id } = m.data as Partial<Said>;
    if (typeof from === "string" && typeof text === "string") return { from, text, id: typeof id === "string" ? id : "" };
  } catch {
    // Not JSON, whatever it says it is.
  }
  return { from: "", text: m.text(), id: "" };
}
