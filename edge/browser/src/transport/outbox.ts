/** Gathers frames that are sent in one go, so that they leave in one write. */
export class Outbox {
  private frames: Uint8Array<ArrayBuffer>[] = [];
  private scheduled = false;

  /**
   * @param write - writes what was gathered; the next write waits for the promise.
   * @param maxBytes - a write is no longer than this unless a single frame is.
   */
  constructor(private readonly write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void> | void, private readonly maxBytes: number) {}

  push(frame: Uint8Array<ArrayBuffer>): void {
    this.frames.push(frame);
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => void this.flush());
  }

  private async flush(): Promise<void> {
    while (this.frames.length > 0) {
      const written = this.write(this.take());
      if (written !== undefined) await written;
    }
    this.scheduled = false;
  }

  private take(): Uint8Array<ArrayBuffer> {
    let bytes = this.frames[0]!.length;
    let n = 1;
    while (n < this.frames.length && bytes + this.frames[n]!.length <= this.maxBytes) bytes += this.frames[n++]!.length;
    const taken = this.frames.splice(0, n);
    if (n === 1) return taken[0]!;
    const joined = new Uint8Array(bytes);
    let at = 0;
    for (const frame of taken) {
      joined.set(frame, at);
      at += frame.length;
    }
    return joined;
  }
}
