import { connect, type Weir } from "/weir.js";
import { connectOptions } from "../page/options.js";
import { show } from "../page/element.js";
import type { Said } from "./room.js";

/** What is said while the page is cut off, one line every so often, in milliseconds. */
const everyMs = 1300;
const lines = [
  "Are you still there?", "You have gone quiet.", "I'll go on regardless.", "This is on disk already.",
  "It has an offset.", "You'll get it when you are back.", "In this order, and once.",
];

/** Cuts the connection, and keeps it cut for a while; 0: no longer than it takes to connect again. */
export function cut(weir: Weir, forMs: number): void {
  weir.interrupt(forMs);
}

/** Lets a connection of its own talk in the room while the page is cut off, so that there is something to miss. */
export async function talkMeanwhile(status: HTMLElement): Promise<void> {
  const other = connect(connectOptions());
  try {
    for (const [i, text] of lines.entries()) {
      const said: Said = { from: "Second connection", text, id: crypto.randomUUID() };
      await other.publish("chat", said);
      show(status, `The second connection has said ${i + 1} of ${lines.length} lines.`);
      await new Promise((done) => setTimeout(done, everyMs));
    }
    show(status, "");
  } catch (error) {
    show(status, `The second connection failed: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    other.close();
  }
}
