import type { Camera } from "./camera.js";

/** How long a step of a button or a key takes, in milliseconds. */
const stepMs = 220;

/** Moves a camera in steps that the eye can follow; at once for people who prefer less motion. */
export class Glide {
  private running = 0;

  constructor(private readonly camera: Camera, private readonly still: () => boolean) {}

  zoom(factor: number): void {
    const { camera } = this;
    this.run((part) => camera.zoom(factor ** part, camera.width / 2, camera.height / 2));
  }

  pan(dx: number, dy: number): void {
    this.run((part) => this.camera.pan(dx * part, dy * part));
  }

  to(x: number, y: number): void {
    const { camera } = this;
    const dx = x - camera.x;
    const dy = y - camera.y;
    this.run((part) => camera.moveTo(camera.x + dx * part, camera.y + dy * part, camera.scale));
  }

  stop(): void {
    cancelAnimationFrame(this.running);
  }

  /** Calls step with the parts of the whole that each frame is to do; they add up to 1. */
  private run(step: (part: number) => void): void {
    this.stop();
    if (this.still()) {
      step(1);
      return;
    }
    let began: number | undefined;
    let done = 0;
    const frame = (now: number) => {
      began ??= now;
      const t = Math.min(1, (now - began) / stepMs);
      const eased = 1 - (1 - t) ** 3;
      step(eased - done);
      done = eased;
      if (t < 1) this.running = requestAnimationFrame(frame);
    };
    this.running = requestAnimationFrame(frame);
  }
}
