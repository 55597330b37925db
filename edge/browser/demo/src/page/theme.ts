const memory = "weir-demo-theme";

/**
 * Follows the system's preference until the button is pressed, then what was chosen.
 *
 * @param changed is called whenever the colours have changed
 */
export function startTheme(button: HTMLElement, changed: () => void): void {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (theme: string | null) => {
    if (theme === "light" || theme === "dark") root.dataset["theme"] = theme;
    changed();
  };
  apply(recall());
  system.addEventListener("change", changed);
  button.addEventListener("click", () => {
    const dark = (root.dataset["theme"] ?? (system.matches ? "dark" : "light")) === "dark";
    const theme = dark ? "light" : "dark";
    remember(theme);
    apply(theme);
  });
}

// A browser may forbid storage; the choice then holds until the page is left.
function recall(): string | null {
  try {
    return localStorage.getItem(memory);
  } catch {
    return null;
  }
}

function remember(theme: string): void {
  try {
    localStorage.setItem(memory, theme);
  } catch {
    return;
  }
}
