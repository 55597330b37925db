import type { Published } from "./api/weir.js";
import { Backoff } from "./backoff.js";
import type { Clock } from "./clock.js";
import { Ack } from "./codec/gen/weir/v1/event_pb.js";
import type { Published as Answer } from "./codec/gen/weir/v1/session_pb.js";
import type { Counters } from "./counters.js";
import { WeirError } from "./error.js";
import { connectionLost, errorOf } from "./fault.js";
import { toNumber } from "./integer.js";
import { Lane, type Numbered } from "./lane.js";
import { payloadTooLarge, type Publication } from "./publication.js";
import type { Sender } from "./session.js";

/** Payload bytes that wait at most, whatever the number of publications. */
const maxQueuedBytes = 8 << 20;
/** Payload bytes under way at most: what the transport queues is bounded by this. */
const maxBytesUnderWay = 1 << 20;
/** Refusals that make no sense, after which the identity is given up for a new one. */
const maxNonsense = 3;

interface Pending extends Numbered {
  readonly publication: Publication;
  readonly resolve: (receipt: Published) => void;
  readonly reject: (error: WeirError) => void;
}

interface Track {
  readonly lane: Lane<Pending>;
  readonly backoff: Backoff;
  /** Ends the wait after a refusal. */
  cancel: (() => void) | undefined;
  nonsense: number;
  /** Its identity is not accepted any more: nothing is sent before there is another. */
  expired: boolean;
}

/** What a session allows. */
export interface PublishLimits {
  readonly inFlight: number;
  readonly payloadBytes: number;
}

/** How a publisher comes by another identity. */
export interface Identities {
  /** From now on, the client's is this one, which the relay has granted in the session. */
  adopt(producer: string): void;
  /** Asks for a session with a new one. */
  renew(): void;
}

/** Publishes in order and once, across sessions. */
export class Publisher {
  private readonly tracks = new Map<string, Track>();
  private readonly underWay = new Map<number, { entry: Pending; track: Track | undefined }>();
  private request = 0;
  private queued = 0;
  private queuedBytes = 0;
  private bytesUnderWay = 0;
  private session: { sender: Sender; limits: PublishLimits } | undefined;
  /** Some track can't go on under the identity: what is not open waits for another. */
  private renewing = false;
  /** The identity to go on under in this session, once nothing is open under the present one; "": none. */
  private granted = "";
  /** The identity that publications name, as the relay has granted it in this session; "": the session's own. */
  private adopted = "";
  /** The identity was adopted, and nothing has been accepted under it yet. */
  private unproven = false;

  /** @param bound - publications that may wait for their receipt. */
  constructor(
    private readonly bound: number, private readonly clock: Clock, private readonly counters: Counters,
    private readonly identities: Identities,
  ) {}

  publish(publication: Publication): Promise<Published> {
    return new Promise((resolve, reject) => {
      if (this.queued >= this.bound || this.queuedBytes + publication.payload.length > maxQueuedBytes) {
        return reject(new WeirError("busy", `${this.queued} publications wait for their receipt`, {
          hint: "wait for some of them before publishing more", retryable: true,
        }));
      }
      const entry: Pending = { publication, resolve, reject, sequence: 0, state: "waiting", open: false };
      if (publication.ack === Ack.NONE) return this.sendNow(entry);
      this.count(entry, 1);
      this.trackOf(publication.channel).lane.push(entry);
      this.pump();
    });
  }

  /** A session stands. @param kept - whether it has the identity of the one before. */
  start(sender: Sender, limits: PublishLimits, kept: boolean): void {
    this.session = { sender, limits };
    this.adopted = "";
    if (!kept) {
      this.unproven = false;
      this.reset();
    }
    this.renewing = [...this.tracks.values()].some((track) => track.expired);
    this.pump();
  }

  /** The session has ended. */
  lost(): void {
    this.session = undefined;
    this.granted = "";
    for (const { entry, track } of this.underWay.values()) {
      if (track === undefined) this.settle(entry).reject(connectionLost("the session ended before the event was passed on"));
    }
    this.underWay.clear();
    this.bytesUnderWay = 0;
    for (const track of this.tracks.values()) {
      track.lane.lost();
      this.endWait(track);
    }
  }

  answered(answer: Answer): void {
    const sent = this.underWay.get(answer.request);
    if (sent === undefined) throw new WeirError("protocol_violation", "the relay answered a publication that was not sent");
    this.underWay.delete(answer.request);
    this.bytesUnderWay -= sent.entry.publication.payload.length;
    if (answer.fault?.code === "producer_expired") this.offered(answer.producer);
    if (answer.fault !== undefined) this.refused(sent.entry, sent.track, errorOf(answer.fault));
    else this.accepted(sent.entry, sent.track, answer);
    this.pump();
  }

  /** Rejects everything. */
  close(error: WeirError): void {
    this.lost();
    for (const { lane } of this.tracks.values()) {
      for (const entry of lane.clear()) this.settle(entry).reject(error);
    }
    this.tracks.clear();
  }

  private trackOf(channel: string): Track {
    let track = this.tracks.get(channel);
    if (track === undefined) {
      track = { lane: new Lane(), backoff: new Backoff(this.clock), cancel: undefined, nonsense: 0, expired: false };
      this.tracks.set(channel, track);
    }
    return track;
  }

  private pump(): void {
    for (const track of this.tracks.values()) {
      if (track.cancel !== undefined || track.expired) continue;
      for (let entry = this.sendable(track); entry !== undefined; entry = this.sendable(track)) this.send(entry, track);
    }
    if (!this.renewing || this.underWay.size > 0 || this.session === undefined) return;
    if ([...this.tracks.values()].some(({ lane, expired }) => lane.open && !expired)) return;
    this.renewing = false;
    if (this.granted === "") this.identities.renew();
    else this.adopt();
  }

  /**
   * The relay has granted another identity. Where one that was adopted is refused before anything was accepted under it,
   * something else is wrong, such as a clock: then another session, which has a backoff, is the way to another.
   */
  private offered(producer: string): void {
    if (!this.unproven && producer !== this.adopted) this.granted = producer;
  }

  private adopt(): void {
    this.adopted = this.granted;
    this.granted = "";
    this.unproven = true;
    this.identities.adopt(this.adopted);
    this.reset();
    this.pump();
  }

  private sendable({ lane }: Track): Pending | undefined {
    // Before the identity is given up, only what would be lost with it is sent.
    return this.room() ? lane.next(this.renewing) : undefined;
  }

  private room(): boolean {
    return this.session !== undefined && this.underWay.size < this.session.limits.inFlight && this.bytesUnderWay < maxBytesUnderWay;
  }

  private sendNow(entry: Pending): void {
    if (this.session === undefined) return entry.reject(connectionLost("there is no session to pass an ephemeral event on"));
    if (!this.room()) return entry.reject(new WeirError("busy", "too many publications are under way", { retryable: true }));
    this.count(entry, 1);
    this.send(entry, undefined);
  }

  private send(entry: Pending, track: Track | undefined): void {
    const { sender, limits } = this.session!;
    const { publication } = entry;
    entry.state = "sent";
    if (publication.payload.length > limits.payloadBytes) {
      return this.refused(entry, track, payloadTooLarge(publication.payload.length, limits.payloadBytes));
    }
    const request = ++this.request;
    this.underWay.set(request, { entry, track });
    this.bytesUnderWay += publication.payload.length;
    const producer = track === undefined ? "" : this.adopted;
    sender.send("publish", { request, publication: { ...publication, producer, sequence: BigInt(entry.sequence) } });
  }

  private accepted(entry: Pending, track: Track | undefined, { receipt }: Answer): void {
    track?.lane.accept(entry);
    track?.backoff.reset();
    if (track !== undefined) {
      track.nonsense = 0;
      this.unproven = false;
    }
    this.counters.published++;
    this.settle(entry).resolve({
      epoch: toNumber(receipt?.epoch ?? 0n, "an epoch"), offset: toNumber(receipt?.offset ?? 0n, "an offset"),
      duplicate: receipt?.duplicate ?? false,
    });
  }

  private refused(entry: Pending, track: Track | undefined, error: WeirError): void {
    if (track === undefined) return this.settle(entry).reject(error);
    switch (error.code) {
      case "producer_expired":
        return this.expired(entry, track);
      case "sequence_gap":
        if (track.lane.gap(entry) || ++track.nonsense < maxNonsense) return this.wait(track, error);
        return this.expired(entry, track);
      case "busy":
        track.lane.defer(entry);
        return this.wait(track, error);
      case "state_full": // retryable, but not by itself: the application decides
        return this.give(entry, track, error);
      case "sequence_expired": // its number is taken, so it must not come free
        entry.open = true;
        return this.give(entry, track, error);
      default:
        if (!error.retryable) return this.give(entry, track, error);
        track.lane.doubt(entry);
        return this.wait(track, error);
    }
  }

  private give(entry: Pending, track: Track, error: WeirError): void {
    track.lane.refuse(entry);
    this.settle(entry).reject(error);
  }

  private expired(entry: Pending, track: Track): void {
    if (entry.open) this.give(entry, track, outcomeUnknown());
    else track.lane.defer(entry);
    track.expired = true;
    this.renewing = true;
  }

  /** Sends nothing on this track for a while. The first of several refusals in a row decides for how long. */
  private wait(track: Track, error: WeirError): void {
    if (track.cancel !== undefined) return;
    // A gap is healed by sending again; waiting would not help it.
    const ms = error.code === "sequence_gap" && track.nonsense === 0 ? 0 : track.backoff.next(error.retryAfterMs);
    track.cancel = this.clock.after(ms, () => {
      track.cancel = undefined;
      this.pump();
    });
  }

  private endWait(track: Track): void {
    track.cancel?.();
    track.cancel = undefined;
  }

  /** Another identity. */
  private reset(): void {
    for (const [channel, track] of this.tracks) {
      this.endWait(track);
      track.expired = false;
      track.nonsense = 0;
      for (const entry of track.lane.reset()) {
        this.settle(entry).reject(outcomeUnknown());
      }
      if (track.lane.size === 0) this.tracks.delete(channel);
    }
  }

  private settle(entry: Pending): Pending {
    this.count(entry, -1);
    return entry;
  }

  private count(entry: Pending, by: 1 | -1): void {
    this.queued += by;
    this.queuedBytes += by * entry.publication.payload.length;
    this.counters.pending = this.queued;
  }
}

function outcomeUnknown(): WeirError {
  return new WeirError("producer_expired", "it can't be known any more whether the event was published", {
    hint: "look whether it is there before publishing it again",
  });
}
