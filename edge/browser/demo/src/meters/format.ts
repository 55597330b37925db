const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** "1,234" */
export function count(n: number): string {
  return whole.format(n);
}

/** A rate: one decimal below ten. */
export function perSecond(n: number): string {
  return n < 9.95 ? n.toFixed(1) : whole.format(n);
}

/** "1.23 MB" */
export function bytes(n: number): string {
  for (const unit of ["B", "kB", "MB"]) {
    if (n < 1000) return `${compact.format(n)} ${unit}`;
    n /= 1000;
  }
  return `${compact.format(n)} GB`;
}

/** A share of 1 as "93.4 %". */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** "12 ms", "1.2 s" */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
