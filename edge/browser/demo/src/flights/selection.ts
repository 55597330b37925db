import type { Camera } from "../map/camera.js";
import type { Aircraft } from "./aircraft.js";
import type { Fleet } from "./fleet.js";

/** Which aircraft is selected. With the keyboard, those in the box are gone through from the centre of the map outwards. */
export class Selection {
  private key: string | undefined;

  constructor(
    private readonly fleet: Fleet, private readonly camera: Camera,
    private readonly changed: (aircraft: Aircraft | undefined) => void,
  ) {}

  select(aircraft: Aircraft | undefined): void {
    this.key = aircraft?.key;
    this.changed(aircraft);
  }

  cycle(step: 1 | -1): void {
    const now = performance.now();
    const away = (a: Aircraft) => Math.hypot(a.motion.shownX(now) - this.camera.x, a.motion.shownY(now) - this.camera.y);
    const order = [...this.fleet.present.values()].sort((a, b) => away(a) - away(b));
    const at = order.findIndex((a) => a.key === this.key);
    this.select(order[at < 0 ? 0 : (at + step + order.length) % order.length]);
  }
}
