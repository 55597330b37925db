/**
 * Where an aircraft is shown between two events. Each event says where it was; from there it is carried on at the speed
 * that the last two events give, and what that got wrong is worked off over the next moments. So it moves at once, never
 * jumps, and is not shown a second late.
 */
export class Motion {
  /** Where the last event had it, on the unit square, and when that arrived. */
  private x: number;
  private y: number;
  private at: number;
  /** Per millisecond. */
  private vx: number;
  private vy: number;
  /** How far it was shown from where the last event had it. */
  private ex = 0;
  private ey = 0;

  /** @param heading in degrees @param speed per millisecond, a guess until there are two events */
  constructor(x: number, y: number, heading: number, speed: number, now: number) {
    this.x = x;
    this.y = y;
    this.at = now;
    const course = (heading * Math.PI) / 180;
    this.vx = Math.sin(course) * speed;
    this.vy = -Math.cos(course) * speed;
  }

  /** Takes an event's position, in the order of events; `now` in milliseconds. */
  moved(x: number, y: number, now: number): void {
    const elapsed = now - this.at;
    const shownX = this.shownX(now);
    const shownY = this.shownY(now);
    if (elapsed >= minIntervalMs && elapsed <= maxCarryMs) {
      this.vx += smoothing * ((x - this.x) / elapsed - this.vx);
      this.vy += smoothing * ((y - this.y) / elapsed - this.vy);
    }
    this.ex = shownX - x;
    this.ey = shownY - y;
    this.x = x;
    this.y = y;
    this.at = now;
  }

  shownX(now: number): number {
    return this.x + this.vx * carried(now - this.at) + this.ex * remaining(now - this.at);
  }

  shownY(now: number): number {
    return this.y + this.vy * carried(now - this.at) + this.ey * remaining(now - this.at);
  }

  /** Per millisecond, on the unit square. */
  get speed(): number {
    return Math.hypot(this.vx, this.vy);
  }
}

/** Events closer together than this say too little about speed. */
const minIntervalMs = 300;
/** An aircraft that is not heard of for so long stops. */
const maxCarryMs = 2500;
/** How fast an error is worked off. */
const errorHalfLifeMs = 180;
/** How much of a newly measured speed is believed: events do not arrive evenly. */
const smoothing = 0.6;

function carried(elapsed: number): number {
  return Math.min(elapsed, maxCarryMs);
}

function remaining(elapsed: number): number {
  return 0.5 ** (elapsed / errorHalfLifeMs);
}
