// The map: who runs, who talks to whom, how much, and what is wrong.
import { duration, empty, h, heading, headings, load, rate, show } from "../dom.js";
import { follow, latest, sample } from "../live.js";

export const title = "Map";

const WIDE = { columns: { clients: 0, gateway: 1, bus: 2, service: 3, stream: 4, store: 4 }, left: [4, 224, 444, 664, 894], width: 1066 };
const NARROW = { columns: { clients: 0, gateway: 0, bus: 0, service: 1, stream: 0, store: 0 }, left: [4, 204], width: 368 };
const PHONE = matchMedia("(max-width: 46rem)");
const BOX = { width: 160, height: 54 };
const ROW = 66;
const MOST_DOTS = 80;
const DOT_LASTS = 700; // milliseconds for one edge
const ORDER = { ok: 0, unknown: 1, degraded: 2, down: 3 };
const WORDS = { ok: "well", degraded: "degraded", down: "down", unknown: "unknown" };

export function open(main) {
  const drawing = h("div", { class: "map" });
  const detail = h("section", { class: "detail", "aria-live": "off", "aria-label": "The chosen box", tabindex: 0 });
  const summary = h("p", { class: "summary", role: "status" });
  const dots = h("li");
  show(main, heading("Map", summary), drawing, legend(dots), detail);
  const picture = new Picture(drawing, (id) => choose(id));
  let chosen = null;

  function choose(id) {
    chosen = chosen === id ? null : id;
    picture.mark(chosen);
    describe();
  }

  async function describe() {
    const node = latest.mesh?.nodes.find((one) => one.id === chosen);
    if (!node) return show(detail, hint());
    const instances = node.kind === "service" ? await load("/api/instances") : [];
    if (node.id !== chosen) return undefined;
    return show(detail, about(node, instances.filter((one) => one.service === node.id)));
  }

  function draw(mesh) {
    picture.draw(mesh);
    const bad = mesh.nodes.filter((node) => node.health !== "ok");
    const services = mesh.nodes.filter((node) => node.kind === "service");
    show(summary, bad.length
      ? bad.map((node) => h("span", { class: `health ${node.health}` }, `${node.label}: ${WORDS[node.health]}`))
      : services.length ? h("span", { class: "health ok" }, `all ${services.length} services are well`) : "");
    show(dots, `A line is as wide as its traffic. A dot is a request. ${sample()}`);
    describe();
  }

  if (latest.mesh) draw(latest.mesh);
  else show(detail, hint());
  const ends = [follow("mesh", draw), follow("requests", (found) => picture.animate(found))];
  return () => {
    picture.close();
    ends.forEach((end) => end());
  };
}

const hint = () => empty("Choose a box to see its instances and endpoints.");

function legend(dots) {
  const word = (health, text) => h("li", {}, h("span", { class: `swatch ${health}` }), text);
  return h("ul", { class: "legend", "aria-label": "Legend" }, word("ok", "well"), word("degraded", "degraded"),
    word("down", "down"), dots);
}

function about(node, instances) {
  return [
    h("h2", {}, node.label, " ", h("span", { class: `health ${node.health}` }, WORDS[node.health])),
    node.why && h("p", { class: "why" }, node.why),
    node.detail && h("p", {}, node.detail),
    instances.length > 0 && h("table", {},
      h("caption", {}, "Instances"),
      headings("instance", "state", "version", "started (UTC)", "#requests/s", "#errors/s", "#NATS reconnects"),
      h("tbody", {}, instances.map((one) => h("tr", {},
        h("td", {}, h("code", {}, one.id)),
        h("td", {}, h("span", { class: `health ${one.state === "ready" ? "ok" : "down"}` }, one.state), one.why && ` ${one.why}`),
        h("td", {}, one.version), h("td", {}, one.started.slice(0, 19).replace("T", " ")),
        h("td", { class: "number" }, rate(one.rate)), h("td", { class: "number" }, rate(one.error_rate)),
        h("td", { class: "number" }, one.reconnects))))),
    instances.length > 0 && endpointTable(instances),
    node.kind === "gateway" && h("p", {}, h("a", { href: "#/requests" }, "See its requests")),
    node.kind === "stream" && h("p", {}, h("a", { href: "#/events" }, "See its events")),
  ];
}

function endpointTable(instances) {
  const sums = new Map();
  for (const one of instances.flatMap((instance) => instance.endpoints)) {
    const sum = sums.get(one.subject) ?? { rate: 0, error_rate: 0, requests: 0, errors: 0, ms: null, last_error: "" };
    sums.set(one.subject, {
      rate: sum.rate + one.rate, error_rate: sum.error_rate + one.error_rate, requests: sum.requests + one.requests,
      errors: sum.errors + one.errors, ms: one.ms ?? sum.ms, last_error: one.last_error || sum.last_error,
    });
  }
  return h("table", {},
    h("caption", {}, "Endpoints"),
    headings("subject", "#requests/s", "#errors/s", "#mean", "#requests", "#errors", "last error"),
    h("tbody", {}, [...sums].sort((a, b) => b[1].rate - a[1].rate || b[1].requests - a[1].requests).map(([subject, sum]) =>
      h("tr", {}, h("td", {}, h("a", { href: `#/endpoints/${encodeURIComponent(subject)}` }, subject)),
        h("td", { class: "number" }, rate(sum.rate)), h("td", { class: "number" }, rate(sum.error_rate)),
        h("td", { class: "number" }, duration(sum.ms)), h("td", { class: "number" }, sum.requests),
        h("td", { class: "number" }, sum.errors), h("td", {}, sum.last_error)))));
}

/** The drawing: boxes and lines that stay, dots that move. */
class Picture {
  constructor(place, choose) {
    this.place = place;
    this.choose = choose;
    this.boxes = new Map();
    this.lines = new Map();
    this.dots = [];
    this.shape = "";
    this.still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.frame = null;
  }

  draw({ nodes, edges }) {
    const shape = PHONE.matches + nodes.map((node) => node.id).join() + edges.map((edge) => edge.source + edge.target).join();
    if (shape !== this.shape) this.lay(nodes, edges, shape);
    for (const node of nodes) this.refresh(node);
    for (const edge of edges) {
      const line = this.lines.get(`${edge.source} ${edge.target}`);
      line.path.setAttribute("class", `edge ${edge.health} ${edge.rate > 0 ? "busy" : ""}`);
      line.path.setAttribute("stroke-width", (1.2 + Math.log2(1 + edge.rate) * 1.2).toFixed(2));
    }
  }

  /** Place every box in the column of its kind. */
  lay(nodes, edges, shape) {
    this.shape = shape;
    this.dots = [];
    const form = PHONE.matches ? NARROW : WIDE;
    const columns = form.left.map(() => []);
    for (const node of nodes) columns[form.columns[node.kind]].push(node);
    const height = Math.max(...columns.map((column) => column.length)) * ROW + 16;
    const at = new Map();
    columns.forEach((column, index) => column.forEach((node, row) => {
      at.set(node.id, { x: form.left[index], y: (height - column.length * ROW) / 2 + row * ROW + (ROW - BOX.height) / 2 });
    }));
    // A drawing of its own: a dot that moves does not have the boxes and lines painted again.
    this.layer = h("svg", { class: "dots", viewBox: `0 0 ${form.width} ${height}`, "aria-hidden": "true" });
    const svg = h("svg", { viewBox: `0 0 ${form.width} ${height}`, role: "group", "aria-label": "The services of the mesh and the traffic between them" });
    this.lines = new Map(edges.map((edge) => {
      const path = h("path", { d: curve(at.get(edge.source), at.get(edge.target)), class: "edge", "aria-hidden": "true" });
      return [`${edge.source} ${edge.target}`, { path }];
    }));
    this.boxes = new Map(nodes.map((node) => [node.id, this.box(node, at.get(node.id))]));
    svg.append(...[...this.lines.values()].map((line) => line.path), ...[...this.boxes.values()].map((box) => box.group));
    show(this.place, h("div", { class: "stage" }, svg, this.layer));
    for (const line of this.lines.values()) line.points = points(line.path);
  }

  box(node, { x, y }) {
    const choose = () => this.choose(node.id);
    const group = h("g", {
      class: "box", transform: `translate(${x} ${y})`, tabindex: 0, role: "button", "data-node": node.id, onclick: choose,
      onkeydown: (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          choose();
        }
      },
    });
    const parts = {
      group,
      rect: h("rect", { width: BOX.width, height: BOX.height, rx: 8 }),
      state: h("circle", { cx: 16, cy: 18, r: 5 }),
      label: h("text", { x: 28, y: 22, class: "label" }),
      line: h("text", { x: 14, y: 42, class: "line" }),
      tip: h("title"),
    };
    group.append(parts.rect, parts.state, parts.label, parts.line, parts.tip);
    return parts;
  }

  refresh(node) {
    const box = this.boxes.get(node.id);
    const count = node.instances.filter((one) => one.state !== "gone").length;
    box.group.setAttribute("class", `box ${node.health} ${this.marked === node.id ? "chosen" : ""}`);
    box.label.textContent = node.label + (count > 1 ? ` ×${count}` : "");
    box.line.textContent = short(node);
    const words = `${node.label}: ${WORDS[node.health]}${node.why ? `, ${node.why}` : ""}, ${rate(node.rate)} requests a second`;
    box.group.setAttribute("aria-label", words);
    box.tip.textContent = words;
  }

  mark(id) {
    this.marked = id;
    for (const [name, box] of this.boxes) box.group.classList.toggle("chosen", name === id);
  }

  /** Let a dot run along the way of each request. */
  animate(requests) {
    if (this.still || document.hidden) return;
    for (const request of requests.slice(0, MOST_DOTS)) {
      const workers = request.services.filter((name) => name !== "gateway");
      const way = ["clients gateway", ...(workers.length ? ["gateway nats", `nats ${workers[0]}`] : [])];
      for (const name of workers.slice(1)) this.send([`nats ${name}`], request.failed, way.length);
      this.send(way, request.failed);
    }
    if (this.dots.length && this.frame === null) this.frame = requestAnimationFrame((now) => this.step(now));
  }

  send(way, failed, wait = 0) {
    const lines = way.map((name) => this.lines.get(name)).filter(Boolean);
    if (!lines.length || this.dots.length >= MOST_DOTS) return;
    const circle = h("circle", { r: 3.5, class: failed ? "dot failed" : "dot" });
    this.layer.append(circle);
    this.dots.push({ circle, lines, begin: performance.now() + wait * DOT_LASTS + Math.random() * 120 });
  }

  step(now) {
    this.dots = this.dots.filter(({ circle, lines, begin }) => {
      const done = (now - begin) / DOT_LASTS;
      const line = lines[Math.floor(Math.max(done, 0))];
      if (!line) {
        circle.remove();
        return false;
      }
      const all = line.points;
      const [x, y] = all[Math.min(all.length - 1, Math.floor((Math.max(done, 0) % 1) * all.length))];
      circle.setAttribute("transform", `translate(${x} ${y})`);
      return true;
    });
    this.frame = this.dots.length ? requestAnimationFrame((next) => this.step(next)) : null;
  }

  close() {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
  }
}

/** The second line of a box. */
function short(node) {
  const worst = node.why && ORDER[node.health] > 1 ? node.why : "";
  const stores = node.kind === "store" && `${node.detail.split(", ").length} databases`;
  const text = worst || stores || node.detail || `${rate(node.rate)}/s${node.error_rate ? `, ${rate(node.error_rate)} errors/s` : ""}`;
  return text.length > 22 ? `${text.slice(0, 21)}…` : text;
}

function curve(from, to) {
  if (from.x === to.x) return `M${from.x + BOX.width / 2} ${from.y + BOX.height} L${to.x + BOX.width / 2} ${to.y}`;
  const forwards = to.x >= from.x;
  const [x1, x2] = forwards ? [from.x + BOX.width, to.x] : [from.x, to.x + BOX.width];
  const [y1, y2] = [from.y + BOX.height / 2, to.y + BOX.height / 2];
  const bend = (x2 - x1) / 2;
  return `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** Points along a path, computed once: asking the browser in each frame costs too much. */
function points(path) {
  const length = path.getTotalLength();
  return Array.from({ length: 60 }, (_, index) => {
    const point = path.getPointAtLength((length * index) / 59);
    return [point.x.toFixed(1), point.y.toFixed(1)];
  });
}
