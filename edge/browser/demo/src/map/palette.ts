/** The map's colours, as the style sheet has them: the canvas follows the theme. */
export interface Palette {
  readonly water: string;
  readonly neighbours: string;
  readonly homeland: string;
  readonly states: string;
  readonly airport: string;
  readonly label: string;
  readonly halo: string;
  readonly frame: string;
  readonly outside: string;
  readonly route: string;
  /** By class of delay: on time, late, very late. */
  readonly aircraft: readonly [string, string, string];
}

/** Reads the colours that hold now for what is in `host`. */
export function readPalette(host: Element): Palette {
  // A custom property is handed out as it was written; a colour that uses it is handed out as a colour.
  const probe = document.createElement("span");
  host.append(probe);
  const colour = (name: string) => {
    probe.style.color = `var(--map-${name})`;
    return getComputedStyle(probe).color;
  };
  const palette: Palette = {
    water: colour("water"),
    neighbours: colour("neighbours"),
    homeland: colour("homeland"),
    states: colour("states"),
    airport: colour("airport"),
    label: colour("label"),
    halo: colour("halo"),
    frame: colour("frame"),
    outside: colour("outside"),
    route: colour("route"),
    aircraft: [colour("on-time"), colour("late"), colour("very-late")],
  };
  probe.remove();
  return palette;
}
