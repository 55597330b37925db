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

  /** The next to be sent, numbered; undefined if there is none for now. */
  next(): E | undefined {
    if (this.recovering) {
      if (this.underWay) return undefined;
      this.recovering = false;
      this.renumber();
    }
    const at = this.entries.findIndex((entry) => entry.state === "waiting");
    const entry = this.entries[at];
    if (entry !== undefined && entry.sequence === 0) entry.sequence = (this.entries[at - 1]?.sequence ?? this.accepted) + 1;
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

  /** Refused because one before it is missing. Returns false if none can be: the relay remembers less than it accepted. */
  gap(entry: E): boolean {
    entry.open = false;
    this.defer(entry);
    const at = this.entries.indexOf(entry);
    const before = this.entries[at - 1];
    if (before === undefined) return entry.sequence > this.accepted + 1;
    if (this.entries.slice(0, at).every((other) => other.state === "ghost")) this.remove(before); // its number was free after all
    return true;
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
    // Those behind it cannot have been accepted, whatever became of their attempts; they move up.
    for (const later of this.entries.slice(this.entries.indexOf(entry) + 1)) later.open = false;
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
      if (entry.sequence !== 0) last = entry.sequence;
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
