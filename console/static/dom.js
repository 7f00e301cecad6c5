// Builds elements. All text is set as text, never as HTML: it comes from other processes and from strangers.

const SVG = "http://www.w3.org/2000/svg";
const IN_SVG = new Set(["svg", "g", "path", "rect", "circle", "text", "title", "polyline", "line"]);

/** An element: h("button", {class: "quiet", onclick: go}, "Go"). A child is a node, a text, or a list of them. */
export function h(name, attributes = {}, ...children) {
  const made = IN_SVG.has(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "value" && "value" in made) made.value = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Replace everything in an element. */
export function show(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
}

/** Show these children. Those that are there already stay in place, with the focus and the pointer on them. */
export function update(element, children) {
  const wanted = new Set(children);
  for (const child of [...element.childNodes]) if (!wanted.has(child)) child.remove();
  let next = element.firstChild;
  for (const child of children) {
    if (child === next) next = next.nextSibling;
    else element.insertBefore(child, next);
  }
}

/** A function from items to elements, which makes the element of an item once. Equal items have one element each. */
export function remembered(make) {
  let made = new Map();
  return (items) => {
    const before = made;
    made = new Map();
    for (const item of items) {
      let key = JSON.stringify(item);
      while (made.has(key)) key += "+";
      made.set(key, before.get(key) ?? make(item));
    }
    return [...made.values()];
  };
}

/** The JSON of a path. Throws an Error with the server's own words. */
export async function load(path, options = {}) {
  const answer = await fetch(path, options);
  if (answer.status === 401) location.replace("/sign-in.html");
  const body = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body?.detail ?? `the console answered ${answer.status}`);
  return body;
}

/** Send JSON, and return the JSON of the answer. */
export const send = (path, body, method = "POST") =>
  load(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) });

export const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });

/** A duration in milliseconds, short. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 100) return `${ms.toFixed(1)} ms`;
  return ms < 10000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A rate a second, short. */
export function rate(value) {
  if (!value) return "0";
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

/** A table's place: it scrolls sideways by itself where the page is narrower, also by the keyboard. */
export const wide = (label, ...children) => h("div", { class: "wide panel", role: "region", "aria-label": label, tabindex: 0 }, ...children);

/** The first row of a table. A name that begins with # stands above numbers. */
export const headings = (...names) => h("thead", {}, h("tr", {}, names.map((name) =>
  h("th", { scope: "col", class: name.startsWith("#") ? "number" : undefined }, name.replace("#", "")))));

/** A field with its label. */
export const field = (label, input) => h("label", { class: "field" }, h("span", {}, label), input);

/** What stands where a list is empty. */
export const empty = (...text) => h("p", { class: "empty" }, ...text);

/** A heading with what stands beside it. */
export const heading = (title, ...beside) => h("div", { class: "heading" }, h("h1", {}, title), ...beside);
