import { Motion } from "../map/motion.js";
import { worldX, worldY } from "../map/mercator.js";

/** The payload of an event of channel "flights": see deploy/demo. */
export interface Position {
  readonly lon: number;
  readonly lat: number;
  /** Degrees; 0 is north. */
  readonly heading: number;
  /** From 0 at take-off to 1 at landing. */
  readonly progress: number;
  readonly origin: string;
  readonly destination: string;
  /** Minutes by which the flight arrived late; negative: early. */
  readonly delay: number;
  /** Statute miles. */
  readonly distance: number;
}

/** How long an aircraft takes to appear and to go, in milliseconds. */
const fadeMs = 450;

/** How many past positions make its tail. */
const tailLength = 9;

/** Why an aircraft is not to be seen any more. */
export type Departure = "left" | "landed";

/** One aircraft on the map. */
export class Aircraft {
  readonly motion: Motion;
  /** Where earlier events had it, x and y in turn, oldest first. */
  readonly tail: number[] = [];
  /** Of the last event that it was in. */
  offset: number;
  departure: Departure | undefined;
  private readonly since: number;
  private until = 0;

  constructor(readonly key: string, public position: Position, offset: number, speed: number, now: number, faded: boolean) {
    this.offset = offset;
    this.since = faded ? now : now - fadeMs;
    this.motion = new Motion(worldX(position.lon), worldY(position.lat), position.heading, speed, now);
  }

  moved(position: Position, offset: number, now: number): void {
    this.tail.push(worldX(this.position.lon), worldY(this.position.lat));
    if (this.tail.length > 2 * tailLength) this.tail.splice(0, 2);
    this.position = position;
    this.offset = offset;
    this.motion.moved(worldX(position.lon), worldY(position.lat), now);
  }

  goes(why: Departure, now: number): void {
    this.departure = why;
    this.until = now + fadeMs;
  }

  /** How much of it is to be seen, from 0 to 1. */
  opacity(now: number): number {
    const come = Math.min(1, (now - this.since) / fadeMs);
    return this.departure === undefined ? come : Math.max(0, Math.min(come, (this.until - now) / fadeMs));
  }

  gone(now: number): boolean {
    return this.departure !== undefined && now >= this.until;
  }
}

/** 0: on time, 1: a quarter of an hour late or more, 2: an hour or more. */
export function lateness(delay: number): 0 | 1 | 2 {
  return delay >= 60 ? 2 : delay >= 15 ? 1 : 0;
}
