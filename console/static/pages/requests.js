// The newest requests, and one of them as a waterfall with its log lines.
import { clock, duration, empty, field, h, heading, headings, load, remembered, show, update, wide } from "../dom.js";
import { follow, sample } from "../live.js";

export const title = "Requests";

const KINDS = { server: "answers a request", client: "waits for another process", producer: "writes an event", consumer: "handles an event", failed: "failed" };
const filters = { text: "", route: "", status: "", min_ms: "", failed: false };

export function open(main, [id]) {
  return id ? openOne(main, id) : openList(main);
}

function openList(main) {
  // The rows rest while the pointer is on them: nobody clicks on a row that moves away.
  const body = h("tbody", { onpointerleave: () => later() });
  const rows = remembered(row);
  const note = h("p", { class: "summary", role: "status" });
  const input = (name, attributes) => h("input", {
    ...attributes, value: filters[name],
    oninput: (event) => {
      filters[name] = event.target.value;
      later();
    },
  });
  const form = h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
    field("Search", input("text", { type: "search", placeholder: "id, subject, reason …" })),
    field("Route", input("route", { type: "text", placeholder: "/v1/orders" })),
    field("Status", select()),
    field("At least ms", input("min_ms", { type: "number", min: 0, step: "any" })),
    field("Only failures", h("input", {
      type: "checkbox", checked: filters.failed,
      onchange: (event) => {
        filters.failed = event.target.checked;
        later();
      },
    })));
  show(main, heading("Requests", note), form, wide("The newest requests", h("table", { class: "rows" },
    headings("time", "status", "#duration", "request", "through"), body)));

  const nothing = h("tr", {}, h("td", { colspan: 5 },
    empty("No request matches. Send one, such as ", h("code", {}, "curl localhost:8080/v1/products"), ".")));
  let waiting = null;
  let loading = false;
  let shown = "";
  const say = () => show(note, [shown, sample()].filter(Boolean).join(". "));
  function later() {
    waiting ??= setTimeout(refresh, 250);
  }
  async function refresh() {
    waiting = null;
    if (loading) return later();
    loading = true;
    try {
      const asked = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== "" && value !== false));
      const found = await load(`/api/requests?${asked}`);
      shown = `${found.length} shown`;
      say();
      update(body, found.length ? rows(found) : [nothing]);
    } catch (error) {
      show(note, error.message);
    } finally {
      loading = false;
    }
    return undefined;
  }
  function select() {
    const choices = { "": "any", "2xx": "2xx", "4xx": "4xx", "5xx": "5xx" };
    return h("select", {
      onchange: (event) => {
        filters.status = event.target.value;
        later();
      },
    }, Object.entries(choices).map(([value, text]) => h("option", { value, selected: value === filters.status }, text)));
  }
  refresh();
  const ends = [follow("requests", () => body.matches(":hover") || later()), follow("mesh", say)];
  return () => {
    ends.forEach((end) => end());
    clearTimeout(waiting);
  };
}

function row(one) {
  const href = `#/requests/${one.trace_id}`;
  return h("tr", { class: one.failed ? "failed" : "" },
    h("td", {}, clock(one.at)),
    h("td", {}, h("span", { class: `status s${String(one.status)[0]}` }, one.status)),
    h("td", { class: "number" }, duration(one.ms)),
    h("td", {}, h("a", { href }, one.route === one.method ? `${one.method} (no such route)` : `${one.method} ${one.route}`.trim()),
      one.error && one.error !== String(one.status) && h("span", { class: "why" }, ` ${one.error}`)),
    h("td", {}, one.services.join(" → ")));
}

function openOne(main, id) {
  const place = h("div");
  show(main, place);
  let waiting = null;
  async function refresh() {
    waiting = null;
    try {
      show(place, page(await load(`/api/traces/${encodeURIComponent(id)}`)));
    } catch (error) {
      show(place, heading("Request"), empty(error.message), h("p", {}, h("a", { href: "#/requests" }, "All requests")));
    }
  }
  refresh();
  const end = follow("requests", (changed) => {
    if (changed.some((one) => one.trace_id === id || one.request_id === id)) waiting ??= setTimeout(refresh, 200);
  });
  return () => {
    end();
    clearTimeout(waiting);
  };
}

function page(trace) {
  const total = Math.max(...trace.steps.map((step) => step.after_ms + step.ms), 0.001);
  return [
    heading(`${trace.method} ${trace.route}`, h("span", { class: `status s${String(trace.status)[0]}` }, trace.status),
      h("span", {}, duration(trace.ms)), h("a", { href: "#/requests" }, "All requests")),
    h("dl", { class: "facts" },
      h("dt", {}, "Request id"), h("dd", {}, h("code", {}, trace.request_id || "–")),
      h("dt", {}, "Trace id"), h("dd", {}, h("code", {}, trace.trace_id)),
      h("dt", {}, "At"), h("dd", {}, clock(trace.at)),
      trace.error && [h("dt", {}, "Error"), h("dd", { class: "why" }, trace.error)]),
    trace.late && h("p", { class: "hint" }, "This request was not in the sample. It was traced when it ended, because it failed or was slow: the steps below it are not known. Its log lines may say more."),
    trace.dropped > 0 && h("p", {}, `${trace.dropped} more steps were not kept.`),
    h("h2", {}, "Steps"),
    h("ul", { class: "legend", "aria-label": "Legend" }, Object.entries(KINDS).map(([kind, text]) => h("li", {}, h("span", { class: `swatch filled ${kind}` }), text))),
    h("ol", { class: "waterfall" }, ordered(trace.steps).map(({ step, depth }) => bar(step, depth, total))),
    h("h2", {}, "Log lines"),
    trace.logs.length ? h("ul", { class: "lines" }, trace.logs.map((line) => logLine(line, false))) : empty("No log line belongs to this request."),
  ];
}

/** The steps as a tree: each one below the step that caused it. */
function ordered(steps) {
  const known = new Set(steps.map((step) => step.span_id));
  const below = Map.groupBy(steps, (step) => (known.has(step.parent_id) ? step.parent_id : ""));
  const walk = (parent, depth) => (below.get(parent) ?? []).flatMap((step) => [{ step, depth }, ...walk(step.span_id, depth + 1)]);
  return walk("", 0);
}

function bar(step, depth, total) {
  const graph = h("span", { class: "bar" });
  const filled = h("span", { class: step.error ? "filled failed" : `filled ${step.kind}` });
  filled.style.left = `${(step.after_ms / total) * 100}%`;
  filled.style.width = `${Math.max((step.ms / total) * 100, 0.3)}%`;
  graph.append(filled);
  const name = h("span", { class: "name", title: `${step.service} ${step.name}` }, h("b", {}, step.service), ` ${step.name}`);
  name.style.paddingLeft = `${depth}rem`;
  const facts = [...Object.entries(step.attributes), ...step.events.map((event) => [event.name, Object.values(event.attributes).join(": ")])];
  return h("li", {}, h("details", {},
    h("summary", {}, name, graph, h("span", { class: "number" }, duration(step.ms)),
      step.error && h("span", { class: "why" }, step.error)),
    h("dl", { class: "facts" }, facts.flatMap(([key, value]) => [h("dt", {}, key), h("dd", {}, String(value))]))));
}

/** One line of a log, with the way to its request unless that is shown already. */
export function logLine(line, linked = true) {
  const fields = Object.entries(line.fields).filter(([name]) => !["request_id", "trace_id"].includes(name));
  const parts = [];
  if (linked && line.trace_id) parts.push(h("a", { href: `#/requests/${encodeURIComponent(line.trace_id)}` }, "see the request"));
  return h("li", { class: `line ${line.level}` },
    h("time", {}, clock(line.at)), h("span", { class: "level" }, line.level), h("b", {}, line.service),
    h("span", { class: "event" }, line.event),
    h("span", { class: "fields" }, fields.map(([name, value]) => `${name}=${value}`).join("  ")), ...parts);
}
