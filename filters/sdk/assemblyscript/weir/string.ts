/** Reads a JSON string byte by byte, its escapes resolved to UTF-8. The scanner has checked the escapes. */
export class StringReader {
  end: usize = 0;
  /** Bytes of a code point that are still to be taken, the next one in the highest bits of those left. */
  rest: u32 = 0;
  left: u32 = 0;

  constructor(
    public at: usize,
    length: u32,
  ) {
    this.end = at + length;
  }

  begin(at: usize, length: u32): void {
    this.at = at;
    this.end = at + length;
    this.left = 0;
  }

  /** The next byte; -1: there are no more. */
  next(): i32 {
    return next(this);
  }
}

export function next(r: StringReader): i32 {
  if (r.left) return <i32>((r.rest >> (8 * --r.left)) & 0xff);
  if (r.at >= r.end) return -1;
  let c = load<u8>(r.at++);
  if (c != 0x5c) return c;
  c = load<u8>(r.at++);
  switch (c) {
    case 0x62:
      return 8;
    case 0x66:
      return 12;
    case 0x6e:
      return 10;
    case 0x72:
      return 13;
    case 0x74:
      return 9;
    case 0x75:
      return unicode(r);
  }
  return c;
}

function unit(at: usize): u32 {
  let v: u32 = 0;
  for (let i = 0; i < 4; i++) {
    const c = <u32>load<u8>(at + i);
    v = (v << 4) | (c < 0x40 ? c - 0x30 : (c | 0x20) - 0x57);
  }
  return v;
}

function unicode(r: StringReader): i32 {
  let code = unit(r.at);
  r.at += 4;
  if (code - 0xd800 < 0x400 && r.at + 6 <= r.end && load<u16>(r.at) == 0x755c) {
    const low = unit(r.at + 2);
    if (low - 0xdc00 < 0x400) {
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      r.at += 6;
    }
  }
  if (code - 0xd800 < 0x800) code = 0xfffd; // half a surrogate pair
  if (code < 0x80) return code;
  r.rest = 0;
  r.left = 0;
  for (; code > <u32>0x3f >> r.left; code >>= 6) r.rest |= (0x80 | (code & 0x3f)) << (8 * r.left++);
  return ((0xff << (7 - r.left)) & 0xff) | code;
}
