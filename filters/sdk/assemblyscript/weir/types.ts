/** Bytes in memory that somebody else owns. Those that the host wrote have at least 8 zero bytes behind them. */
export class Bytes {
  constructor(
    public at: usize,
    public length: u32,
  ) {}

  /** A text in memory of its own. */
  static of(text: string): Bytes {
    const utf8 = String.UTF8.encode(text, true);
    const copy = heap.alloc(utf8.byteLength);
    memory.copy(copy, changetype<usize>(utf8), utf8.byteLength);
    return new Bytes(copy, utf8.byteLength - 1);
  }

  @operator("[]")
  get(i: u32): u8 {
    assert(i < this.length);
    return load<u8>(this.at + i);
  }

  equals(other: Bytes): bool {
    return this.length == other.length && memory.compare(this.at, other.at, this.length) == 0;
  }

  toString(): string {
    return String.UTF8.decodeUnsafe(this.at, this.length);
  }
}

/** An event, as the host writes it: filters/ABI.md, "The event". */
@unmanaged
export class Event {
  /** Place in the channel's order; 0 for an ephemeral event. */
  offset: u64;
  /** Milliseconds since the Unix epoch. */
  timeMs: i64;
  private flags: u32;
  /** How many headers there are. */
  headers: u32;

  private span(at: usize): Bytes {
    const start = changetype<usize>(this);
    return new Bytes(start + load<u32>(at), load<u32>(at + 4));
  }

  private field(offset: usize): Bytes {
    return this.span(changetype<usize>(this) + offset);
  }

  /** Whether the event deletes its key. */
  get tombstone(): bool {
    return (this.flags & 1) != 0;
  }

  /** Whether the event is passed on without being logged. */
  get ephemeral(): bool {
    return (this.flags & 2) != 0;
  }

  get channel(): Bytes {
    return this.field(24);
  }

  /** Empty: no key. */
  get key(): Bytes {
    return this.field(32);
  }

  /** Empty: unknown. */
  get contentType(): Bytes {
    return this.field(40);
  }

  get payload(): Bytes {
    return this.field(48);
  }

  headerName(n: u32): Bytes {
    assert(n < this.headers);
    return this.span(this.field(56).at + 16 * n);
  }

  headerValue(n: u32): Bytes {
    assert(n < this.headers);
    return this.span(this.field(56).at + 16 * n + 8);
  }
}

/** The prepared params of all groups: filters/ABI.md, "The set". */
export class Groups {
  set: usize = 0;
  length: u32 = 0;

  /** Where what prepare put for a group begins, for load<T>: a multiple of 8. Allocates nothing, unlike get. */
  @inline
  at(group: u32): usize {
    return this.set + load<u32>(this.set + 8 * group);
  }

  /** How many bytes prepare put for a group. */
  @inline
  size(group: u32): u32 {
    return load<u32>(this.set + 8 * group, 4);
  }

  get(group: u32): Bytes {
    return new Bytes(this.at(group), this.size(group));
  }
}

/** Where the answers go. All begin as "no". */
export class Verdicts {
  words: usize = 0;

  /** Lets the event through to one group. */
  @inline
  allow(group: u32): void {
    const word = this.words + 8 * (group / 64);
    store<u64>(word, load<u64>(word) | ((<u64>1) << (group % 64)));
  }
}
