// The endpoints: how busy each one is, what it takes and returns, and a form that calls it.
import { duration, empty, field, h, heading, headings, load, rate, send, show, wide } from "../dom.js";

export const title = "Endpoints";

const SPARK = { width: 96, height: 22 };
const CHART = { width: 240, height: 64 };
let known = null;
let wanted = "";

export function open(main, [subject]) {
  const place = h("div");
  show(main, place);
  show(place, heading("Endpoints"), empty("loading …"));
  let timer = null;
  (async () => {
    try {
      known ??= await load("/api/endpoints");
      const page = subject && known.endpoints[subject] ? one(place, subject) : list(place);
      const refresh = async () => page(await load("/api/rates"));
      await refresh();
      timer = setInterval(() => refresh().catch(() => {}), 2000);
    } catch (error) {
      show(place, heading("Endpoints"), empty(error.message));
    }
  })();
  return () => clearInterval(timer);
}

function list(place) {
  const body = h("tbody");
  const cells = new Map();
  let rates = {};
  const fill = ({ requests, errors, slowest }, points) => {
    const [now, failed, , p99] = points.at(-1) ?? [0, 0, null, null];
    show(requests, sparkline(points.map((point) => point[0]), "requests a second"), h("span", {}, rate(now)));
    show(errors, h("span", { class: failed ? "why" : "" }, rate(failed)));
    show(slowest, sparkline(points.map((point) => point[3]), "p99 milliseconds"), h("span", {}, duration(p99)));
  };
  const draw = () => {
    cells.clear();
    show(body, Object.values(known.endpoints).filter((entry) => !wanted || entry.subject.includes(wanted)).map((entry) => {
      const [requests, errors, slowest] = ["chart", "number", "chart"].map((name) => h("td", { class: name }));
      cells.set(entry.subject, { requests, errors, slowest });
      fill(cells.get(entry.subject), rates[entry.subject] ?? []);
      return h("tr", {}, h("td", {}, h("a", { href: `#/endpoints/${encodeURIComponent(entry.subject)}` }, entry.subject)),
        requests, errors, slowest, h("td", {}, entry.access), h("td", {}, entry.reads ? "reads" : "changes"), h("td", {}, h("code", {}, entry.routes[0] ?? "–")));
    }));
  };
  show(place, heading("Endpoints"), h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
    field("Search", h("input", { type: "search", value: wanted, placeholder: "subject", oninput: (event) => {
      wanted = event.target.value.trim();
      draw();
    } }))), wide("All endpoints", h("table", { class: "rows" },
    headings("subject", "requests/s", "#errors/s", "p99", "who may call", "effect", "over HTTP"), body)));
  draw();
  return (found) => {
    rates = found;
    for (const [subject, columns] of cells) fill(columns, rates[subject] ?? []);
  };
}

/** A small chart, with a gap where nothing was measured. Its words say the same. */
function sparkline(values, what, { width, height } = SPARK) {
  const most = Math.max(...values, 1e-9);
  const step = width / Math.max(values.length - 1, 1);
  let gap = true;
  const path = values.map((value, index) => {
    if (value === null) {
      gap = true;
      return "";
    }
    const point = `${gap ? "M" : "L"}${(index * step).toFixed(1)} ${(height - 2 - (value / most) * (height - 4)).toFixed(1)}${gap ? "h.1" : ""}`;
    gap = false;
    return point;
  }).join("");
  const last = values.findLast((value) => value !== null);
  const words = last === undefined ? `${what}: nothing yet` : `${what}: last ${rate(last)}, at most ${rate(most)}`;
  return h("svg", { class: "spark", preserveAspectRatio: "none", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": words }, h("path", { d: path }));
}

function one(place, subject) {
  const entry = known.endpoints[subject];
  const charts = h("div", { class: "charts" });
  const reasons = Object.entries(entry.reasons);
  show(place,
    heading(subject, h("a", { href: "#/endpoints" }, "All endpoints")),
    h("p", { class: "summary" }, `for ${entry.access === "anyone" ? "anyone" : `a caller with the role ${entry.access.toUpperCase()}`}, within ${entry.timeout_ms} ms, ${entry.reads ? "reads" : "changes data"}`),
    charts,
    h("h2", {}, "Call it"), form(entry),
    h("h2", {}, "Contract"),
    h("dl", { class: "facts" },
      h("dt", {}, "HTTP"), h("dd", {}, entry.routes.join(", ") || "no route: only services call it"),
      h("dt", {}, "Callers"), h("dd", {}, entry.callers.join(", ") || "operators"),
      h("dt", {}, "Reasons"), h("dd", {}, reasons.map(([name, code]) => `${name} (${code})`).join(", ") || "only those that every endpoint has")),
    shape("Request", entry.request), shape("Reply", entry.reply, entry.example_reply));
  return (rates) => {
    const points = rates[subject] ?? [];
    const chart = (name, index, shown) => {
      const last = points.at(-1)?.[index] ?? null;
      return h("figure", {}, h("figcaption", {}, name, h("b", {}, shown(last))), sparkline(points.map((point) => point[index]), name, CHART));
    };
    show(charts, chart("requests a second", 0, rate), chart("errors a second", 1, rate), chart("mean duration", 2, duration), chart("p99 duration", 3, duration));
  };
}

const shape = (name, of, example) => h("details", {}, h("summary", {}, `${name}: ${of}`),
  example !== undefined && [h("p", {}, "Example"), h("pre", {}, JSON.stringify(example, null, 2))],
  h("pre", {}, JSON.stringify(known.shapes[of], null, 2)));

/** A form made from the schema: a field for each simple value, JSON for the others. */
function form(entry) {
  if (!entry.over) return empty("Only services may call this endpoint: no route of the gateway sends it.");
  const schema = known.shapes[entry.request];
  const example = entry.example ?? {};
  const inputs = Object.entries(schema.properties ?? {}).map(([name, property]) => input(name, property, example[name], (schema.required ?? []).includes(name)));
  const token = h("input", { type: "password", autocomplete: "off", name: "-token" });
  const answer = h("div", { role: "status" });
  const needsToken = entry.access !== "anyone" || !entry.reads;
  const made = h("form", { class: "call", onsubmit: async (event) => {
    event.preventDefault();
    try {
      const payload = Object.fromEntries(inputs.map((one) => [one.name, one.read()]).filter(([, value]) => value !== undefined));
      if (!entry.reads && !confirm(`${entry.subject} changes data. Send ${JSON.stringify(payload)}?`)) return;
      if (!entry.reads && !confirm("Are you sure? This cannot be taken back here.")) return;
      show(answer, empty("waiting …"));
      const done = await send("/api/call", { subject: entry.subject, payload, token: token.value.trim(), confirmed: !entry.reads });
      show(answer, h("p", {}, h("span", { class: `status ${done.ok ? "s2" : "s4"}` }, done.status), ` in ${duration(done.ms)}, over ${done.over}. `,
        h("a", { href: `#/requests/${done.request_id}` }, "See the request")), h("pre", {}, JSON.stringify(done.body, null, 2)));
    } catch (error) {
      show(answer, h("p", { class: "why" }, error.message));
    }
  } }, inputs.map((one) => field(one.label, one.element)),
    needsToken && field(entry.reads ? "Access token" : "Administrator's access token", token),
    h("button", { type: "submit", class: "main" }, entry.reads ? "Call" : "Change …"));
  return h("div", { class: "panel" }, made, answer);
}

function input(name, property, example, required) {
  const plain = resolve(property);
  const label = required ? `${name} *` : name;
  const text = example === undefined || example === null ? "" : typeof example === "object" ? JSON.stringify(example, null, 2) : String(example);
  const choices = plain.enum ?? (plain.type === "boolean" ? [true, false] : null);
  const simple = choices || ["string", "integer", "number"].includes(plain.type);
  const element = choices
    ? h("select", { name }, h("option", { value: "" }, "not set"), choices.map((value) => h("option", { value: String(value), selected: String(value) === text }, String(value))))
    : simple ? h("input", { name, type: plain.type === "string" ? "text" : "number", step: plain.type === "integer" ? 1 : "any", value: text, required })
      : h("textarea", { name, rows: 4, spellcheck: "false" }, text);
  return { name, label, element, read: () => {
    if (element.value === "" && !(required && plain.type === "string")) return undefined;
    if (plain.type === "string") return element.value;
    try {
      return JSON.parse(element.value);
    } catch {
      throw new Error(`${name} is not valid JSON`);
    }
  } };
}

/** The schema of a value without its reference, and without null where that is one of several. */
function resolve(property) {
  if (property.$ref) return resolve(known.shapes[property.$ref.split("/").at(-1)] ?? {});
  if (Array.isArray(property.type)) return { ...property, type: property.type.find((one) => one !== "null") };
  const others = (property.anyOf ?? []).filter((one) => one.type !== "null");
  return others.length === 1 ? resolve(others[0]) : property;
}
