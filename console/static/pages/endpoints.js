// The endpoints: how busy each one is, what it takes and returns, and a form that calls it.
import { duration, empty, field, h, heading, load, rate, send, show } from "../dom.js";

export const title = "Endpoints";

const SPARK = { width: 120, height: 26 };
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
  const draw = () => show(body, Object.values(known.endpoints).filter((entry) => !wanted || entry.subject.includes(wanted)).map((entry) => {
    const spark = h("td");
    const numbers = h("td", { class: "number" });
    cells.set(entry.subject, { spark, numbers });
    return h("tr", {}, h("td", {}, h("a", { href: `#/endpoints/${encodeURIComponent(entry.subject)}` }, entry.subject)),
      h("td", {}, entry.access), h("td", {}, entry.reads ? "reads" : "changes"), spark, numbers, h("td", {}, entry.routes[0] ?? "only services"));
  }));
  show(place, heading("Endpoints"), field("Search", h("input", { type: "search", value: wanted, oninput: (event) => {
    wanted = event.target.value.trim();
    draw();
  } })), h("div", { class: "wide" }, h("table", { class: "rows" },
    h("thead", {}, h("tr", {}, ...["subject", "who", "", "requests a second", "now", "over HTTP"].map((name) => h("th", { scope: "col" }, name)))), body)));
  draw();
  return (rates) => {
    for (const [subject, { spark, numbers }] of cells) {
      const points = rates[subject] ?? [];
      show(spark, sparkline(points.map((point) => point[0]), "requests a second"));
      const last = points.at(-1) ?? [0, 0, null];
      show(numbers, `${rate(last[0])}/s`, last[1] ? h("span", { class: "why" }, ` ${rate(last[1])} errors/s`) : "", last[2] === null ? "" : ` ${duration(last[2])}`);
    }
  };
}

/** A small chart. Its words say the same. */
function sparkline(values, what) {
  const most = Math.max(...values, 1e-9);
  const step = SPARK.width / Math.max(values.length - 1, 1);
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(SPARK.height - 2 - ((value ?? 0) / most) * (SPARK.height - 4)).toFixed(1)}`);
  const words = values.length ? `${what}: now ${rate(values.at(-1) ?? 0)}, at most ${rate(most > 1e-8 ? most : 0)}` : `${what}: nothing yet`;
  return h("svg", { class: "spark", width: SPARK.width, height: SPARK.height, role: "img", "aria-label": words }, h("polyline", { points: points.join(" ") }));
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
    const chart = (name, index) => h("figure", {}, h("figcaption", {}, name), sparkline(points.map((point) => point[index]), name));
    show(charts, chart("requests a second", 0), chart("errors a second", 1), chart("mean milliseconds", 2));
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
  const others = (property.anyOf ?? []).filter((one) => one.type !== "null");
  return others.length === 1 ? resolve(others[0]) : property;
}
