import type { WeirError } from "./error.js";
import type { WireFilter } from "./filters.js";

interface Change {
  readonly filters: WireFilter[];
  readonly waiters: { resolve: () => void; reject: (error: WeirError) => void }[];
}

/**
 * The filters of a subscription and the changes to them that are under way: one at the server, and the newest after it.
 *
 * A map that is panned sixty times a second so sends as many changes as the round trip allows, and the last one always.
 */
export class Revisions {
  /** Of the change under way; 0 before the first. */
  private revision = 0;
  private sent: Change | undefined;
  private waiting: Change | undefined;

  /**
   * @param held - what the subscription holds to.
   * @param send - sends PARAMS; not called before `opened`.
   */
  constructor(private held: WireFilter[], private readonly send: (revision: number, filters: WireFilter[]) => void) {}

  /** What to subscribe with. */
  get filters(): WireFilter[] {
    return this.held;
  }

  /** What the subscription will hold to if all goes well. */
  get latest(): WireFilter[] {
    return (this.waiting ?? this.sent)?.filters ?? this.held;
  }

  get pending(): boolean {
    return (this.sent ?? this.waiting) !== undefined;
  }

  /** Changes the filters; resolves when the subscription holds to these or to newer ones. */
  change(filters: WireFilter[], open: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiters = this.waiting?.waiters ?? [];
      waiters.push({ resolve, reject });
      this.waiting = { filters, waiters };
      if (open) this.advance();
    });
  }

  /** SUBSCRIBE has been sent anew: revisions begin again, and what has no answer is sent again. */
  opened(): void {
    this.revision = 0;
    if (this.sent !== undefined) {
      // The newest alone counts; whoever waits for an older one is served by it.
      this.waiting = { filters: this.latest, waiters: [...this.sent.waiters, ...(this.waiting?.waiters ?? [])] };
      this.sent = undefined;
    }
    this.advance();
  }

  /** A batch of this revision has arrived, whole. */
  reached(revision: number): void {
    if (this.sent === undefined || revision < this.revision) return;
    const { filters, waiters } = this.sent;
    this.sent = undefined;
    this.held = filters;
    this.advance();
    for (const waiter of waiters) waiter.resolve();
  }

  /** The change of this revision was refused: the older filters go on holding. Returns whether it was one of ours. */
  refused(revision: number, error: WeirError): boolean {
    if (this.sent === undefined || revision !== this.revision) return false;
    const { waiters } = this.sent;
    this.sent = undefined;
    this.advance();
    for (const waiter of waiters) waiter.reject(error);
    return true;
  }

  /** There will be no answers any more. */
  fail(error: WeirError): void {
    const waiters = [...(this.sent?.waiters ?? []), ...(this.waiting?.waiters ?? [])];
    this.sent = this.waiting = undefined;
    for (const waiter of waiters) waiter.reject(error);
  }

  private advance(): void {
    if (this.sent !== undefined || this.waiting === undefined) return;
    this.sent = this.waiting;
    this.waiting = undefined;
    this.revision++;
    this.send(this.revision, this.sent.filters);
  }
}
