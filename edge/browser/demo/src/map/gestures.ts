import type { Camera } from "./camera.js";
import type { Glide } from "./glide.js";

/** A press that moves less than this, in pixels, is a click. */
const clickSlop = 5;
const keyStep = 90;
const zoomStep = 1.6;

export interface Gestures {
  /** A place on the map was clicked, in pixels. */
  pick(x: number, y: number): void;
  /** The next or the one before is to be selected. */
  cycle(step: 1 | -1): void;
  /** Nothing is to be selected. */
  dismiss(): void;
  home(): void;
}

/** Lets mouse, touch and keyboard move a camera. */
export function listenToGestures(element: HTMLElement, camera: Camera, glide: Glide, gestures: Gestures): void {
  listenToPointers(element, camera, glide, gestures);
  listenToWheel(element, camera, glide);
  listenToKeys(element, glide, gestures);
}

function listenToPointers(element: HTMLElement, camera: Camera, glide: Glide, gestures: Gestures): void {
  const pointers = new Map<number, { x: number; y: number }>();
  let travelled = 0;

  const local = (event: PointerEvent) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const release = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId)) return;
    if (pointers.size === 0) {
      element.classList.remove("dragging");
      const { x, y } = local(event);
      if (event.type === "pointerup" && travelled < clickSlop) gestures.pick(x, y);
    }
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    glide.stop();
    if (pointers.size === 0) travelled = 0;
    pointers.set(event.pointerId, local(event));
    element.setPointerCapture(event.pointerId);
    element.classList.add("dragging");
  });
  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = local(event);
    travelled += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const apart = (p: { x: number; y: number }) => Math.hypot(p.x - other.x, p.y - other.y);
      camera.zoom(apart(now) / Math.max(1, apart(before)), (now.x + other.x) / 2, (now.y + other.y) / 2);
      camera.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    } else if (travelled >= clickSlop) {
      camera.pan(now.x - before.x, now.y - before.y);
    }
    pointers.set(event.pointerId, now);
  });
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
}

function listenToWheel(element: HTMLElement, camera: Camera, glide: Glide): void {
  const listener = (event: WheelEvent) => {
    event.preventDefault();
    glide.stop();
    const box = element.getBoundingClientRect();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 16 : event.deltaY;
    camera.zoom(2 ** (-Math.max(-300, Math.min(300, pixels)) / 300), event.clientX - box.left, event.clientY - box.top);
  };
  element.addEventListener("wheel", listener, { passive: false });
}

function listenToKeys(element: HTMLElement, glide: Glide, gestures: Gestures): void {
  const actions: Record<string, () => void> = {
    ArrowLeft: () => glide.pan(keyStep, 0),
    ArrowRight: () => glide.pan(-keyStep, 0),
    ArrowUp: () => glide.pan(0, keyStep),
    ArrowDown: () => glide.pan(0, -keyStep),
    "+": () => glide.zoom(zoomStep),
    "=": () => glide.zoom(zoomStep),
    "-": () => glide.zoom(1 / zoomStep),
    "0": () => gestures.home(),
    ".": () => gestures.cycle(1),
    ",": () => gestures.cycle(-1),
    Enter: () => gestures.cycle(1),
    Escape: () => gestures.dismiss(),
  };
  element.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
}
