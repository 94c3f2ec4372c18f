// The one stream of the page: samples of the mesh every 2 s, made once by the server for all who
// look. It is closed while paused, hidden or signed out, and goes on behind the last sample seen.
import { computed, effect, signal } from "@preact/signals";
import { urlOf } from "./api.ts";
import type { Attention, Sample } from "./contract.ts";
import { loadSession, session } from "./session.ts";

const kAddress = "/admin/v1/overview/live";
/** Without a sample for so long the connection counts as lost, though nothing has closed it. */
const kSilence = 10_000;
const kKept = 1_800;

export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "connected" }
  | { readonly state: "reconnecting"; readonly since: number }
  | { readonly state: "off" };

export const paused = signal(false);
export const sample = signal<Sample | undefined>(undefined);
/** The samples since the page was opened, the oldest first: of the last hour. */
export const samples = signal<readonly Sample[]>([]);
/** undefined until the server has told of a change: the overview has the list until then. */
export const attention = signal<readonly Attention[] | undefined>(undefined);
export const connection = signal<Connection>({ state: "off" });
/** Rises when samples come again after a break: what is shown may be older than that. */
export const returns = signal(0);

const hidden = signal(document.hidden);
document.addEventListener("visibilitychange", () => (hidden.value = document.hidden));
/** Whether anything on the page is to move by itself. */
export const moving = computed(() => !paused.value && !hidden.value && session.value?.signed_in === true);

let source: EventSource | undefined;
let lastId = "";
let wait = 2_000;
let silence: ReturnType<typeof setTimeout> | undefined;
let again: ReturnType<typeof setTimeout> | undefined;
let missed = false;

function arrived(): void {
  clearTimeout(silence);
  silence = setTimeout(lost, kSilence);
  wait = 2_000;
  if (connection.peek().state !== "connected") connection.value = { state: "connected" };
  if (!missed) return;
  missed = false;
  attention.value = undefined;  // It may have changed meanwhile: the overview is loaded anew.
  returns.value = returns.peek() + 1;
}

function lost(): void {
  close();
  missed = true;
  const before = connection.peek();
  connection.value = { state: "reconnecting", since: before.state === "reconnecting" ? before.since : Date.now() };
  again = setTimeout(() => {
    // An EventSource does not say why it was refused; the session does.
    void loadSession().then(() => moving.peek() && open());
  }, wait);
  wait = Math.min(wait * 2, 30_000);
}

function parsed<T>(event: Event): T | undefined {
  const message = event as MessageEvent<string>;
  if (message.lastEventId) lastId = message.lastEventId;
  try {
    return JSON.parse(message.data) as T;
  } catch {
    return undefined;  // What is no JSON comes from something in between; the next one is.
  }
}

function open(): void {
  close();
  if (connection.peek().state === "off") connection.value = { state: "connecting" };
  // A new EventSource cannot send Last-Event-ID, so the address says it.
  source = new EventSource(urlOf(kAddress, {}, { last_event_id: lastId }));
  silence = setTimeout(lost, kSilence);
  source.addEventListener("sample", (event) => {
    const got = parsed<Sample>(event);
    if (!got) return;
    arrived();
    samples.value = [...samples.peek(), got].slice(-kKept);
    sample.value = got;
  });
  source.addEventListener("attention", (event) => {
    const got = parsed<Attention[]>(event);
    arrived();
    if (got) attention.value = got;
  });
  source.addEventListener("error", lost);
}

function close(): void {
  clearTimeout(silence);
  clearTimeout(again);
  source?.close();
  source = undefined;
}

export function startLive(): void {
  effect(() => {
    if (moving.value) {
      open();
    } else {
      close();
      missed = missed || connection.peek().state !== "off";
      connection.value = { state: "off" };
    }
  });
}
