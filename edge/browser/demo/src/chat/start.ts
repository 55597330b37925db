import type { Subscription, Weir } from "/weir.js";
import { count } from "../meters/format.js";
import { element, show } from "../page/element.js";
import { Room, type Said } from "./room.js";
import { showResume } from "./resume.js";
import { Transcript } from "./transcript.js";

/** Starts the chat tab, and returns its subscription. */
export function startChat(weir: Weir): Subscription<Said> {
  const subscription = weir.subscribe<Said>("chat", { since: "earliest" });
  const transcript = new Transcript(element("messages"));
  const refresh = () => {
    show(element("chat-count"), count(transcript.shown), transcript.shown);
    show(element("chat-pending"), count(room.pending), room.pending);
    show(element("chat-gaps"), count(room.gaps), room.gaps);
    show(element("chat-cursor"), subscription.cursor ? count(subscription.cursor.offset) : "–");
    element("chat-empty").hidden = !subscription.active || element("messages").childElementCount > 0;
    showUnread(transcript.shown);
  };
  const room = new Room(weir, subscription, transcript, () => queueMicrotask(refresh));
  subscription.on("subscribed", () => queueMicrotask(refresh));
  showResume(weir, subscription, transcript);
  startComposer(room);
  return subscription;
}

let seen: number | undefined;

/** Counts what has come while the other tab was open. */
function showUnread(shown: number): void {
  const badge = element("unread");
  if (document.body.dataset["tab"] === "chat" || seen === undefined) seen = shown;
  badge.hidden = shown === seen;
  show(badge, count(shown - seen));
}

/** The chat tab was chosen: all that is there has been seen. */
export function readAll(): void {
  seen = undefined;
  element("unread").hidden = true;
  const list = element("messages");
  list.scrollTop = list.scrollHeight;
}

function startComposer(room: Room): void {
  const name = element("name", HTMLInputElement);
  const text = element("text", HTMLInputElement);
  name.value = `guest-${Math.floor(1000 + Math.random() * 9000)}`;
  element("compose").addEventListener("submit", (event) => {
    event.preventDefault();
    const said = text.value.trim();
    if (!said) return;
    text.value = "";
    void room.say(name.value.trim() || "guest", said);
  });
}
