import { lateness, type Aircraft } from "../flights/aircraft.js";
import type { Fleet } from "../flights/fleet.js";
import { count } from "../meters/format.js";
import type { Airports } from "../map/airports.js";
import { element, make, show } from "./element.js";

const classes = ["on-time", "late", "very-late"] as const;

/** Shows the aircraft that is selected. */
export class Details {
  private readonly card = element("details");
  private readonly title = make("h3");
  private readonly cities = make("p", "cities");
  private readonly delay = make("span");
  private readonly flown = make("i");
  private readonly facts = make("p", "facts");
  private readonly state = make("p", "hint");
  private key: string | undefined;
  private last: Aircraft | undefined;

  constructor(private readonly fleet: Fleet, private readonly airports: Airports, closed: () => void) {
    const close = make("button", "plain icon", "×");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", closed);
    const progress = make("div", "progress");
    progress.append(this.flown);
    this.card.append(close, this.title, this.cities, this.delay, progress, this.facts, this.state);
  }

  select(aircraft: Aircraft | undefined): void {
    this.key = aircraft?.key;
    this.last = aircraft;
    this.card.hidden = !aircraft;
    if (!aircraft) return;
    const { origin, destination, delay } = aircraft.position;
    show(element("announcer"), `${this.city(origin)} to ${this.city(destination)}, ${punctuality(delay)}`);
    this.refresh();
  }

  /** Called whenever time has passed. */
  refresh(): void {
    if (this.key === undefined) return;
    const present = this.fleet.get(this.key);
    if (present) this.last = present;
    if (this.last) this.render(this.last, present !== undefined);
  }

  private render(a: Aircraft, present: boolean): void {
    const p = a.position;
    show(this.title, `${p.origin} → ${p.destination}`);
    show(this.cities, `${this.city(p.origin)} to ${this.city(p.destination)}`);
    this.delay.className = `delay ${classes[lateness(p.delay)]}`;
    show(this.delay, punctuality(p.delay));
    this.flown.style.inlineSize = `${(p.progress * 100).toFixed(1)}%`;
    show(this.facts, `${count(p.distance)} mi, heading ${p.heading}°, ${Math.round(p.progress * 100)} % flown`);
    this.card.classList.toggle("away", !present);
    if (present) show(this.state, `Key ${a.key}, event ${count(a.offset)}`);
    else if (a.departure === "landed") show(this.state, "Landed: its key is deleted.");
    else show(this.state, "Outside the box: nothing of it reaches this browser.");
  }

  private city(code: string): string {
    return this.airports.get(code)?.city ?? code;
  }
}

function punctuality(delay: number): string {
  if (delay > 0) return `${delay} min late`;
  return delay < 0 ? `${-delay} min early` : "on time";
}
