import type { Palette } from "./palette.js";

/** Courses that are drawn apart: 5.6° each. */
const courses = 64;

/** An aircraft seen from above, nose up, within a square of 2 by 2 about the origin. */
const silhouette = new Path2D(
  "M0-1C.1-1 .15-.8 .15-.6V-.28L.95.25V.45L.15.2V.62L.42.83V1L0 .88L-.42 1V.83L-.15.62V.2L-.95.45V.25L-.15-.28V-.6C-.15-.8-.1-1 0-1Z",
);

/** The aircraft in every colour and on every course, drawn once, so that thousands can be stamped in each frame. */
export class Sprites {
  private sheet: ImageBitmap | undefined;
  private cell = 0;
  private made = "";

  /** Makes the sheet anew if size, sharpness or colours have changed. `radius` is in CSS pixels. */
  prepare(palette: Palette, radius: number, ratio: number): void {
    const wanted = `${radius}/${ratio}/${palette.aircraft.join()}/${palette.halo}`;
    if (wanted === this.made) return;
    this.made = wanted;
    this.cell = Math.ceil((radius + 2) * 2 * ratio);
    const canvas = new OffscreenCanvas(this.cell * courses, this.cell * palette.aircraft.length);
    const context = canvas.getContext("2d");
    if (!context) return;
    palette.aircraft.forEach((colour, row) => {
      for (let course = 0; course < courses; course++) {
        context.setTransform(1, 0, 0, 1, (course + 0.5) * this.cell, (row + 0.5) * this.cell);
        context.rotate((course / courses) * 2 * Math.PI);
        context.scale(radius * ratio, radius * ratio);
        context.lineWidth = 2.4 / radius;
        context.lineJoin = "round";
        context.strokeStyle = palette.halo;
        context.stroke(silhouette);
        context.fillStyle = colour;
        context.fill(silhouette);
      }
    });
    // Stamping from a canvas would take a snapshot of it each time.
    this.sheet?.close();
    this.sheet = canvas.transferToImageBitmap();
  }

  /** Draws one, centred, on a context in CSS pixels. */
  stamp(context: CanvasRenderingContext2D, row: number, heading: number, x: number, y: number, ratio: number): void {
    if (!this.sheet) return;
    const course = Math.round((heading / 360) * courses) % courses;
    const size = this.cell / ratio;
    context.drawImage(
      this.sheet, course * this.cell, row * this.cell, this.cell, this.cell, x - size / 2, y - size / 2, size, size,
    );
  }
}
