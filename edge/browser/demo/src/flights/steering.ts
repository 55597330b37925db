import type { FilterSpec, Subscription, WeirError } from "/weir.js";
import type { Bounds } from "../map/mercator.js";

/** Params change at most this often while the map moves, in milliseconds. */
const pauseMs = 100;

/** What the subscription is to be filtered by. */
export interface Wish {
  readonly bounds: Bounds;
  /** A condition on the payload's fields; "": none. */
  readonly expression: string;
}

export interface SteeringListener {
  /** The view holds to this from now on. */
  holds(wish: Wish): void;
  /** An expression that was given has been accepted. */
  accepted(expression: string): void;
  /** An expression that was given has been refused: the last good one goes on holding. */
  refused(expression: string, error: WeirError): void;
}

/** The filters of a wish: the box, and the condition if there is one. Both must agree. */
export function filtersOf(wish: Wish): FilterSpec[] {
  const filters: FilterSpec[] = [{ name: "viewport", params: wish.bounds }];
  if (wish.expression !== "") filters.push({ name: "expr", params: { expr: wish.expression } });
  return filters;
}

/** Keeps a subscription's filters up with the map and the expression: one change at a time, and the latest wins. */
export class Steering {
  private wanted: Wish;
  private held: Wish;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;
  private subscription: Subscription | undefined;

  constructor(first: Wish, private readonly listener: SteeringListener) {
    this.wanted = first;
    this.held = first;
  }

  /** Takes the subscription, which was opened with the filters of the first wish. */
  begin(subscription: Subscription): void {
    this.subscription = subscription;
    if (!equal(this.wanted, this.held)) this.schedule();
  }

  /** The map has moved. */
  look(bounds: Bounds): void {
    this.wanted = { ...this.wanted, bounds };
    if (!equal(this.wanted, this.held)) this.schedule();
  }

  /** Other aircraft are asked for. */
  only(expression: string): void {
    this.wanted = { ...this.wanted, expression };
    if (expression === this.held.expression) this.listener.accepted(expression);
    if (!equal(this.wanted, this.held)) this.schedule();
  }

  private schedule(): void {
    if (this.busy || this.timer !== undefined || !this.subscription) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.apply();
    }, pauseMs);
  }

  private async apply(): Promise<void> {
    const wish = this.wanted;
    this.busy = true;
    try {
      await this.subscription?.setFilters(filtersOf(wish));
      const news = wish.expression !== this.held.expression;
      this.held = wish;
      this.listener.holds(wish);
      if (news) this.listener.accepted(wish.expression);
    } catch (error) {
      this.recover(wish, error as WeirError);
    } finally {
      this.busy = false;
    }
    if (!equal(this.wanted, this.held)) this.schedule();
  }

  /** Goes back to the expression that holds, unless there is a newer one to try. */
  private recover(wish: Wish, error: WeirError): void {
    if (wish.expression !== this.held.expression) {
      this.listener.refused(wish.expression, error);
      if (this.wanted.expression === wish.expression) {
        this.wanted = { ...this.wanted, expression: this.held.expression };
      }
    } else if (this.wanted === wish) {
      this.wanted = this.held; // a box that is refused; the next movement gives another
    }
  }
}

function equal(a: Wish, b: Wish): boolean {
  const [p, q] = [a.bounds, b.bounds];
  return a.expression === b.expression
    && p.west === q.west && p.south === q.south && p.east === q.east && p.north === q.north;
}
