/** A publication's place in its lane. */
export interface Numbered {
  /** 0: not numbered yet. */
  sequence: number;
  /**
   * - `waiting`: to be sent
   * - `sent`: under way
   * - `ghost`: given up, without knowing whether its number is taken
   */
  state: "waiting" | "sent" | "ghost";
  /** An earlier attempt may have been accepted: its number must not change. */
  open: boolean;
}

/**
 * The publications to one channel that have no final answer, in order, and their sequence numbers (SPEC.md, section 7).
 * Pure bookkeeping: it neither sends nor waits.
 */
export class Lane<E extends Numbered> {
  private readonly entries: E[] = [];
  /** The highest sequence that is known to have been accepted. */
  private accepted = 0;
  /** After a refusal: nothing is sent until all that is under way is answered, for it must be sent again in order. */
  private recovering = false;

  get size(): number {
    return this.entries.length;
  }

  get underWay(): boolean {
    return this.entries.some((entry) => entry.state === "sent");
  }

  /** Whether some outcome is not known. */
  get open(): boolean {
    return this.entries.some((entry) => entry.open && entry.state !== "ghost");
  }

  push(entry: E): void {
    this.entries.push(entry);
  }

  /**
   * The next to be sent, numbered; undefined if there is none for now.
   *
   * @param finishing - whether only what is open matters any more, and what has to be there before it.
   */
  next(finishing: boolean): E | undefined {
    if (this.recovering) {
      if (this.underWay) return undefined;
      this.recovering = false;
      this.renumber();
    }
    const at = this.entries.findIndex((entry) => entry.state === "waiting");
    const entry = this.entries[at];
    if (finishing && !this.entries.slice(at).some((other) => other.open && other.state !== "ghost")) return undefined;
    if (entry !== undefined && entry.sequence === 0) {
      entry.sequence = Math.max(this.accepted, this.entries[at - 1]?.sequence ?? 0) + 1;
    }
    return entry;
  }

  /** Accepted, now or earlier. */
  accept(entry: E): void {
    this.accepted = Math.max(this.accepted, entry.sequence);
    // Sequences have no holes: what was given up before this one had been accepted, too.
    this.filter((other) => other !== entry && !(other.state === "ghost" && other.sequence < entry.sequence));
  }

  /** Certainly not accepted by this attempt; to be sent again. */
  defer(entry: E): void {
    entry.state = "waiting";
    this.recovering = true;
  }

  /**
   * Refused because one before it is missing. Returns false if sending again will hardly heal that: nothing before it
   * waits, and it cannot move up. A ghost's number is never given to another: an attempt of the ghost may still be on its
   * way, and if that took the number first, the other would get its receipt and be lost.
   */
  gap(entry: E): boolean {
    this.defer(entry);
    const before = this.entries.slice(0, this.entries.indexOf(entry));
    if (before.some((other) => other.state !== "ghost")) return true;
    return before.length === 0 && !entry.open && entry.sequence > this.accepted + 1;
  }

  /** Maybe accepted; to be sent again with the same number. */
  doubt(entry: E): void {
    entry.open = true;
    this.defer(entry);
  }

  /** Refused for good. */
  refuse(entry: E): void {
    if (entry.open) {
      entry.state = "ghost";
      return;
    }
    // Those behind it get a gap, and move up unless they are open: an attempt of theirs that is still on its way
    // somewhere would be a second copy if it arrived after the number before it had been taken by another.
    this.remove(entry);
    this.recovering = true;
  }

  /** The session has ended: what was under way is open. */
  lost(): void {
    for (const entry of this.entries) {
      if (entry.state !== "sent") continue;
      entry.state = "waiting";
      entry.open = true;
    }
    this.recovering = false;
  }

  /** Another identity: numbers begin again. Returns what cannot be sent under it, which is taken out. */
  reset(): E[] {
    const lost = this.entries.filter((entry) => entry.open && entry.state !== "ghost");
    this.filter((entry) => !entry.open);
    for (const entry of this.entries) entry.sequence = 0;
    this.accepted = 0;
    this.recovering = false;
    return lost;
  }

  /** Takes everything out. */
  clear(): E[] {
    return this.entries.splice(0).filter((entry) => entry.state !== "ghost");
  }

  private renumber(): void {
    let last = this.accepted;
    for (const entry of this.entries) {
      if (entry.state !== "ghost" && !entry.open) entry.sequence = entry.sequence === 0 ? 0 : last + 1;
      last = Math.max(last, entry.sequence); // one that is open may stand before what was accepted after it
    }
  }

  private remove(entry: E): void {
    this.filter((other) => other !== entry);
  }

  private filter(keep: (entry: E) => boolean): void {
    const kept = this.entries.filter(keep);
    this.entries.splice(0, this.entries.length, ...kept);
  }
}
