import type { Subscription, Weir } from "/weir.js";
import { loadAirports, type Airports } from "../map/airports.js";
import { Camera } from "../map/camera.js";
import { FlightMap } from "../map/flight-map.js";
import { listenToGestures } from "../map/gestures.js";
import { Glide } from "../map/glide.js";
import { insetOf } from "../map/inset.js";
import { roundBounds, type Bounds } from "../map/mercator.js";
import { loadOutlines } from "../map/outlines.js";
import { Details } from "../page/details.js";
import { element } from "../page/element.js";
import { ExpressionBox } from "../page/expression.js";
import { showSubscription } from "../page/subscription-code.js";
import type { Position } from "./aircraft.js";
import { Fleet } from "./fleet.js";
import { Selection } from "./selection.js";
import { filtersOf, Steering, type Wish } from "./steering.js";

/** What is looked at first: enough of the country to be known at once, little enough to hold most of it back. */
const firstBox: Bounds = { west: -95.5, south: 36.2, east: -79.5, north: 44.6 };

/** What the rest of the page needs of the flights tab. */
export interface Flights {
  readonly subscription: Subscription<Position>;
  readonly fleet: Fleet;
  readonly camera: Camera;
  readonly map: FlightMap;
  readonly details: Details;
}

/** Starts the flights tab. */
export async function startFlights(weir: Weir, still: () => boolean): Promise<Flights> {
  const host = element("map");
  const camera = new Camera(() => moved());
  let moved = () => {};
  // Behind the other tab the map has no size yet; it is fitted again when it gets one.
  camera.resize(host.clientWidth || 1000, host.clientHeight || 700);
  const inset = () => insetOf(camera.width, camera.height);
  const goHome = () => camera.fit(firstBox, inset().x, inset().y);
  goHome();

  const box = () => roundBounds(camera.bounds(inset().x, inset().y));
  const first: Wish = { bounds: box(), expression: "" };
  const subscription = weir.subscribe<Position>("flights", { filters: filtersOf(first) });
  const fleet = new Fleet(subscription, still);
  const airports = await loadAirports("/demo/airports.json").catch((): Airports => new Map());
  const map = new FlightMap(
    element("map-base", HTMLCanvasElement), element("map-top", HTMLCanvasElement), camera, fleet, airports, still,
  );

  const expression = new ExpressionBox((wanted) => steering.only(wanted));
  const code = element("subscription");
  const steering = new Steering(first, {
    holds: (wish) => {
      map.frame.holds(wish.bounds);
      showSubscription(code, wish);
    },
    accepted: (wanted) => expression.accepted(wanted),
    refused: (wanted, error) => expression.refused(wanted, error),
  });
  map.frame.holds(first.bounds);
  showSubscription(code, first);
  steering.begin(subscription);
  moved = () => {
    map.invalidate();
    steering.look(box());
  };

  const details = new Details(fleet, airports, () => selection.select(undefined));
  const selection = new Selection(fleet, camera, (aircraft) => {
    map.selected = aircraft?.key;
    details.select(aircraft);
  });
  startControls(camera, new Glide(camera, still), map, selection, goHome);
  followSize(host, map, goHome);
  void loadOutlines("/demo/outlines.bin").then((outlines) => {
    map.outlines = outlines;
    map.invalidate();
  });
  return { subscription, fleet, camera, map, details };
}

function startControls(camera: Camera, glide: Glide, map: FlightMap, selection: Selection, home: () => void): void {
  listenToGestures(element("flights-map"), camera, glide, {
    pick: (x, y) => selection.select(map.nearest(x, y)),
    cycle: (step) => selection.cycle(step),
    dismiss: () => selection.select(undefined),
    home,
  });
  element("zoom-in").addEventListener("click", () => glide.zoom(1.6));
  element("zoom-out").addEventListener("click", () => glide.zoom(1 / 1.6));
  element("home").addEventListener("click", home);
}

/** Keeps the canvases as large as their place; what was in the box stays in it while nobody has moved the map. */
function followSize(host: HTMLElement, map: FlightMap, first: () => void): void {
  let fitted = false;
  new ResizeObserver(() => {
    if (host.clientWidth === 0) return;
    map.resize(host.clientWidth, host.clientHeight);
    if (!fitted) first();
    fitted = true;
  }).observe(host);
}
