import type { Stats } from "./api/weir.js";

/** What `weir.stats` reads, counted where it happens. */
export class Counters implements Stats {
  batches = 0;
  events = 0;
  bytesIn = 0;
  bytesOut = 0;
  heldBack = 0;
  heldBackBytes = 0;
  gaps = 0;
  published = 0;
  pending = 0;
  reconnects = 0;
  rttMs: number | undefined;
}
