// The log lines of all processes, live.
import { empty, field, h, heading, load, remembered, show, update } from "../dom.js";
import { follow, latest } from "../live.js";
import { logLine } from "./requests.js";

export const title = "Logs";

const filters = { text: "", service: "", level: "", request: "" };

export function open(main) {
  const list = h("ul", { class: "lines" });
  const lines = remembered((line) => logLine(line));
  const nothing = empty("No line matches.");
  const note = h("p", { class: "summary", role: "status" });
  const pause = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) refresh();
  } }, "Pause");
  const on = (name) => (event) => {
    filters[name] = event.target.value;
    later();
  };
  const services = latest.mesh?.nodes.filter((node) => ["service", "gateway"].includes(node.kind)).map((node) => node.id) ?? [];
  const choice = (name, values) => h("select", { onchange: on(name) },
    [h("option", { value: "" }, "all"), ...values.map((value) => h("option", { value, selected: filters[name] === value }, value))]);
  show(main, heading("Logs", note, pause),
    h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
      field("Search", h("input", { type: "search", value: filters.text, oninput: on("text") })),
      field("Process", choice("service", services)),
      field("At least", choice("level", ["info", "warning", "error"])),
      field("Request or trace id", h("input", { type: "text", value: filters.request, oninput: on("request") }))),
    list);

  let waiting = null;
  function later() {
    waiting ??= setTimeout(refresh, 300);
  }
  async function refresh() {
    waiting = null;
    if (pause.getAttribute("aria-pressed") === "true") return;
    try {
      const asked = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
      const found = await load(`/api/logs?${asked}`);
      update(list, found.length ? lines(found) : [nothing]);
      show(note, `${found.length} lines, the newest first`);
    } catch (error) {
      show(note, error.message);
    }
  }
  refresh();
  const end = follow("logs", later);
  return () => {
    end();
    clearTimeout(waiting);
  };
}
