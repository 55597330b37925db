// @ts-ignore: decorator
@external("weir", "log")
declare function hostLog(text: usize, length: u32): void;

/** Says something in the host's log, where debugging is on. Long and frequent messages are cut and sampled. */
export function log(text: string): void {
  const utf8 = String.UTF8.encode(text);
  hostLog(changetype<usize>(utf8), utf8.byteLength);
}
