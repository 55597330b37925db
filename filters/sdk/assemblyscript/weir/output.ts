// Writing the result of a call.

/** Longest result, in bytes. */
export const OUTPUT: u32 = 131072;
const output: usize = memory.data(131072, 8);
let written: u32 = 0;
let overflowed: bool = false;

function room(size: u32): usize {
  if (size > OUTPUT - written) {
    overflowed = true;
    return 0;
  }
  written += size;
  return output + written - size;
}

/** Writes bytes from memory. */
export function put(at: usize, length: u32): void {
  const to = room(length);
  if (to) memory.copy(to, at, length);
}

export function putU8(v: u8): void {
  const to = room(1);
  if (to) store<u8>(to, v);
}

export function putU32(v: u32): void {
  const to = room(4);
  if (to) store<u32>(to, v);
}

export function putU64(v: u64): void {
  const to = room(8);
  if (to) store<u64>(to, v);
}

export function putF64(v: f64): void {
  const to = room(8);
  if (to) store<f64>(to, v);
}

/** Writes a text as UTF-8. */
export function putText(text: string): void {
  const utf8 = String.UTF8.encode(text);
  put(changetype<usize>(utf8), utf8.byteLength);
}

/** Throws away what was written and begins the text of a refusal, to which more can be put. Returns false. */
export function refuse(text: string): bool {
  begin();
  putText(text);
  return false;
}

export function begin(): void {
  written = 0;
  overflowed = false;
}

/** How many bytes were put. */
export function size(): u32 {
  return written;
}

/** Makes the result of a call: what was written, as a refusal unless ok. */
export function finish(ok: bool): u64 {
  if (ok && overflowed) ok = refuse("the result is too long");
  const result = ((<u64>output) << 32) | written;
  return ok ? result : result | ((<u64>1) << 63);
}
