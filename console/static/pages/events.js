// Events: streams and consumers, what goes by, the way of one order, and dead letters.
import { clock, empty, field, h, heading, headings, load, send, show, wide } from "../dom.js";
import { follow, latest } from "../live.js";

export const title = "Events";

const STEPS = ["placed", "confirmed", "dispatched", "delivered"];
const ENDS = ["refused", "cancelled"];
const LONGEST = 160;
let wanted = "";

export function open(main, [kind, id]) {
  return kind === "order" ? openOrder(main, Number(id)) : openAll(main);
}

function openAll(main) {
  const streams = wide("Streams and consumers");
  const dead = wide("Dead letters");
  const list = h("ul", { class: "lines" });
  const problem = h("p", { class: "why", role: "alert" });
  show(main, heading("Events"), problem, h("h2", {}, "Streams and consumers"), streams, h("h2", {}, "Dead letters"), dead,
    h("h2", {}, "What goes by"),
    h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
      field("Search", h("input", { type: "search", value: wanted, placeholder: "subject, id, payload …", oninput: (event) => {
        wanted = event.target.value;
        draw();
      } }))), list);

  function draw() {
    const text = wanted.toLowerCase();
    const found = latest.events.filter((one) => !text || JSON.stringify(one).toLowerCase().includes(text)).slice(0, 200);
    show(list, found.map(eventLine), !found.length && empty("No event has gone by since this page was opened. Place an order to see some."));
  }
  async function refresh() {
    try {
      const [known, letters] = await Promise.all([load("/api/streams"), load("/api/dead")]);
      show(streams, known.failure ? empty(known.failure) : streamTable(known.streams));
      show(dead, letters.length ? letterTable(letters, act) : empty("None: every event was handled."));
      problem.textContent = "";
    } catch (error) {
      problem.textContent = error.message;
    }
  }
  async function act(letter, what) {
    const sure = what === "drop"
      ? confirm(`Drop dead letter ${letter.sequence}? ${letter.service} will never handle this event.`)
      : confirm(`Let ${letter.service} handle dead letter ${letter.sequence} once more?`);
    if (!sure) return;
    try {
      await (what === "drop" ? load(`/api/dead/${letter.sequence}`, { method: "DELETE" }) : send(`/api/dead/${letter.sequence}/retry`));
    } catch (error) {
      problem.textContent = error.message;
    }
    await refresh();
  }
  async function begin() {
    const before = await load("/api/events?limit=200");
    const known = new Set(latest.events.map((one) => one.headers["ce-id"]));
    latest.events.push(...before.filter((one) => !known.has(one.headers["ce-id"])));
    draw();
  }
  begin().catch((error) => { problem.textContent = error.message; });
  refresh();
  const timer = setInterval(refresh, 3000);
  const end = follow("events", draw);
  return () => {
    clearInterval(timer);
    end();
  };
}

function streamTable(streams) {
  return h("table", {},
    headings("stream", "#messages", "#size", "consumer", "#waiting", "#in progress", "#redelivered"),
    h("tbody", {}, streams.flatMap((stream) => {
      const rows = stream.consumers.length ? stream.consumers : [null];
      return rows.map((consumer, index) => h("tr", {},
        h("td", {}, index === 0 && h("b", {}, stream.name)), h("td", { class: "number" }, index === 0 && stream.messages),
        h("td", { class: "number" }, index === 0 && `${(stream.bytes / 1024).toFixed(0)} KiB`),
        h("td", {}, consumer?.name), h("td", { class: `number ${consumer?.pending ? "why" : ""}` }, consumer?.pending),
        h("td", { class: "number" }, consumer?.unacknowledged), h("td", { class: "number" }, consumer?.redelivered)));
    })));
}

function letterTable(letters, act) {
  return h("table", {},
    headings("number", "time", "service", "why", "event", "what to do"),
    h("tbody", {}, letters.map((letter) => h("tr", {},
      h("td", {}, letter.sequence), h("td", {}, clock(letter.at)), h("td", {}, letter.service),
      h("td", { class: "why" }, letter.headers["Dead-Reason"] ?? "", letter.headers["Dead-Detail"] ? `: ${letter.headers["Dead-Detail"]}` : ""),
      h("td", {}, h("details", {}, h("summary", {}, letter.headers["ce-type"] ?? "unknown"), h("pre", {}, JSON.stringify({ headers: letter.headers, data: letter.data }, null, 2)))),
      h("td", { class: "actions" },
        h("button", { type: "button", onclick: () => act(letter, "retry") }, "Retry"), " ",
        h("button", { type: "button", class: "danger", onclick: () => act(letter, "drop") }, "Drop"))))));
}

function eventLine(one) {
  return h("li", { class: "line" },
    h("time", {}, clock(one.at)), h("b", {}, one.subject.replace(/^events\./, "")),
    one.order_id && h("a", { href: `#/events/order/${one.order_id}` }, `order ${one.order_id}`),
    one.trace_id && h("a", { href: `#/requests/${one.trace_id}` }, "request"),
    h("span", { class: "fields" }, cut(JSON.stringify(one.data) ?? "")));
}

const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

function openOrder(main, id) {
  const way = h("ol", { class: "way", "aria-label": `The way of order ${id}` });
  const list = h("ul", { class: "lines" });
  const note = h("p", { class: "summary", role: "status" });
  const limit = h("p", { class: "hint" });
  const search = h("form", { class: "filters", onsubmit: (event) => {
    event.preventDefault();
    const number = Number(new FormData(event.target).get("order"));
    if (number) location.hash = `#/events/order/${number}`;
  } }, field("Another order", h("input", { name: "order", type: "number", min: 1, value: id })), h("button", { type: "submit" }, "Show"));
  show(main, heading(`Order ${id}`, note, h("a", { href: "#/events" }, "All events")), way, h("h2", {}, "Its events"), limit, list, search);
  const events = new Map();

  function draw() {
    const all = [...events.values()].sort((a, b) => a.at - b.at);
    const steps = new Map(all.filter((one) => one.subject.startsWith("events.orders.")).map((one) => [one.subject.split(".")[2], one]));
    const end = ENDS.find((name) => steps.has(name));
    const shown = end ? [...STEPS.filter((name) => steps.has(name)), end] : STEPS;
    show(way, shown.map((name) => h("li", { class: `${steps.has(name) ? "done" : ""} ${ENDS.includes(name) ? "bad" : ""}` },
      h("b", {}, name), h("time", {}, steps.has(name) ? clock(steps.get(name).at) : "not yet"))));
    show(list, all.map(eventLine));
    show(note, all.length ? `${all.length} events` : "no event is stored about this order");
  }
  const keep = (found) => {
    for (const one of found) if (one.order_id === id) events.set(one.headers["ce-id"], one);
    draw();
  };
  load(`/api/orders/${id}`).then((found) => {
    if (found.since > 1) show(limit, `Only events from number ${found.since} on were searched.`);
    keep(found.events);
  }, (error) => show(note, error.message));
  return follow("events", keep);
}
