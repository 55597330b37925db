import { make } from "../page/element.js";
import type { Said } from "./room.js";

/** Entries kept in the page; older ones are taken out, so that a page left open stays light. */
const maxEntries = 500;

/** The list of messages: those of the channel in its order, then those of this page that wait for it. */
export class Transcript {
  /** Messages of the channel that have been shown. */
  shown = 0;
  private readonly waiting = new Map<string, HTMLElement>();
  /** Receipts that came before their event. */
  private newest = 0;

  constructor(private readonly list: HTMLElement) {}

  /** A message of this page is on its way. */
  expect(said: Said): void {
    const entry = entryOf(said, new Date());
    entry.classList.add("mine", "pending");
    mark(entry, "sending");
    this.waiting.set(said.id, entry);
    this.put(entry, null);
    this.list.scrollTop = this.list.scrollHeight;
  }

  /** It is durable; its event may have come already. */
  acknowledge(id: string, offset: number): void {
    const entry = this.list.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`);
    entry?.classList.add("durable");
    if (entry) mark(entry, `✓ ${offset}`);
  }

  /** It was refused. */
  reject(id: string, why: string): void {
    const entry = this.waiting.get(id);
    if (!entry) return;
    this.waiting.delete(id);
    entry.classList.replace("pending", "failed");
    mark(entry, why);
  }

  /** An event of the channel. Each offset is shown once. */
  append(offset: number, time: Date, said: Said): void {
    const own = this.waiting.get(said.id);
    const entry = own ?? entryOf(said, time);
    entry.dataset["offset"] = String(offset);
    entry.classList.remove("pending");
    mark(entry, own ? `✓ ${offset}` : String(offset));
    this.waiting.delete(said.id);
    this.newest = Math.max(this.newest, offset);
    this.shown++;
    this.put(entry, this.firstWaiting());
  }

  /** A line of the page's own, between messages. */
  remark(text: string, kind = ""): HTMLElement {
    const line = make("li", `remark ${kind}`);
    line.append(make("span", "", text));
    this.put(line, this.firstWaiting());
    return line;
  }

  private firstWaiting(): HTMLElement | null {
    for (const entry of this.waiting.values()) return entry;
    return null;
  }

  private put(entry: HTMLElement, before: HTMLElement | null): void {
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
    this.list.insertBefore(entry, before);
    while (this.list.childElementCount > maxEntries) this.list.firstElementChild?.remove();
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
  }
}

function entryOf(said: Said, time: Date): HTMLElement {
  const entry = make("li", "message");
  entry.dataset["id"] = said.id;
  const hue = [...said.from].reduce((h, c) => (h * 31 + (c.codePointAt(0) ?? 0)) % 360, 7);
  entry.style.setProperty("--hue", String(hue));
  const head = make("p", "head");
  const clock = make("time", "", time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }));
  clock.dateTime = time.toISOString();
  head.append(make("b", "", said.from || "raw"), clock, make("span", "offset"));
  entry.append(head, make("p", "text", said.text));
  return entry;
}

function mark(entry: HTMLElement, text: string): void {
  const offset = entry.querySelector(".offset");
  if (offset) offset.textContent = text;
}
