// @ts-ignore: decorator
@external("weir", "log")
declare function hostLog(text: usize, length: u32): void;

/** Says something: "weir filter logs" shows it. The first 256 bytes of a message are kept, and so many messages a second. */
export function log(text: string): void {
  const utf8 = String.UTF8.encode(text);
  hostLog(changetype<usize>(utf8), utf8.byteLength);
}
