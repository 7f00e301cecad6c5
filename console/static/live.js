// The one stream from the console to this page: the map, requests, logs and events, as they happen.
import { rate } from "./dom.js";

const MOST = 1000;
const handlers = { mesh: new Set(), requests: new Set(), logs: new Set(), events: new Set(), link: new Set() };

/** The newest of each kind, for pages that open later. Lists have the newest first. */
export const latest = { mesh: null, requests: new Map(), logs: [], events: [] };

/** What to say where more requests are answered than traced; empty where all are traced. */
export function sample() {
  const answered = latest.mesh?.nodes.find((node) => node.kind === "gateway")?.rate ?? 0;
  const traced = latest.mesh?.traced ?? 0;
  if (answered < 2 * traced + 3) return "";
  return `A sample: about ${rate(traced)} of ${rate(answered)} requests a second, and those that failed or were slow.`;
}

/** Call back with each message of a kind. Returns what ends it. */
export function follow(kind, handler) {
  handlers[kind].add(handler);
  return () => handlers[kind].delete(handler);
}

function tell(kind, data) {
  for (const handler of handlers[kind]) handler(data);
}

function keep(kind, data) {
  if (kind === "mesh") latest.mesh = data;
  else if (kind === "requests") {
    for (const one of data) {
      latest.requests.delete(one.trace_id);
      latest.requests.set(one.trace_id, one);
    }
    for (const id of latest.requests.keys()) {
      if (latest.requests.size <= MOST) break;
      latest.requests.delete(id);
    }
  } else {
    latest[kind] = [...data.toReversed(), ...latest[kind]].slice(0, MOST);
  }
}

/** Open the stream. The browser opens it again when it breaks. */
export function start() {
  const source = new EventSource("/api/live");
  source.onopen = () => tell("link", "live");
  source.onerror = () => {
    tell("link", "reconnecting");
    fetch("/api/mesh").then((answer) => answer.status === 401 && location.replace("/sign-in.html"), () => {});
  };
  for (const kind of ["mesh", "requests", "logs", "events"]) {
    source.addEventListener(kind, (message) => {
      const data = JSON.parse(message.data);
      keep(kind, data);
      tell(kind, data);
    });
  }
}
