import type { Batch } from "./codec/gen/weir/v1/session_pb.js";

/** Payload bytes that may wait, whatever the number of messages. */
const maxBytes = 8 << 20;

/** Batches that the application has not taken yet. */
export class Inbox {
  private batches: Batch[] = [];
  private messages = 0;
  private bytes = 0;

  /** @param bound - messages, from which on the inbox is full. */
  constructor(private readonly bound: number) {}

  push(batch: Batch): void {
    const last = this.batches.at(-1);
    if (last !== undefined && mergeable(last) && mergeable(batch)) {
      // Batches that only move the cursor would otherwise pile up, one a second, for as long as nobody comes for them.
      batch.skipped += last.skipped;
      batch.skippedBytes += last.skippedBytes;
      this.batches[this.batches.length - 1] = batch;
      return;
    }
    this.batches.push(batch);
    this.messages += batch.items.length;
    this.bytes += size(batch);
  }

  /** The oldest batch; undefined if there is none. */
  shift(): Batch | undefined {
    const batch = this.batches.shift();
    if (batch === undefined) return undefined;
    this.messages -= batch.items.length;
    this.bytes -= size(batch);
    return batch;
  }

  /** Whether it holds `times` its bound, or more. */
  full(times = 1): boolean {
    return this.messages >= this.bound * times || this.bytes >= maxBytes * times;
  }

  clear(): void {
    this.batches = [];
    this.messages = this.bytes = 0;
  }
}

function mergeable(batch: Batch): boolean {
  return batch.items.length === 0 && batch.gap === undefined && !batch.snapshotBegin && !batch.snapshotEnd;
}

function size(batch: Batch): number {
  return batch.items.reduce((sum, item) => sum + (item.event?.payload.length ?? 0), 0);
}
