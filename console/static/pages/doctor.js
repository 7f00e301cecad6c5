// What is wrong with the mesh, and what to do about it.
import { empty, h, heading, headings, load, show, wide } from "../dom.js";

export const title = "Doctor";

const WORDS = { ok: "well", warning: "warning", error: "error" };
const HEALTH = { ok: "ok", warning: "degraded", error: "down" };

export function open(main) {
  const body = wide("Findings", empty("looking …"));
  const note = h("p", { class: "summary", role: "status" });
  const again = h("button", { type: "button", onclick: () => look() }, "Look again");
  show(main, heading("Doctor", note, again), body);

  async function look() {
    try {
      const findings = await load("/api/doctor");
      const bad = findings.filter((one) => one.severity !== "ok").length;
      show(note, bad ? `${bad} findings need you` : "nothing is wrong");
      show(body, table(findings));
    } catch (error) {
      show(body, h("p", { class: "why" }, error.message));
    }
  }
  look();
  const timer = setInterval(look, 10000);
  return () => clearInterval(timer);
}

const table = (findings) => h("table", {},
  headings("state", "about", "what", "what to do"),
  h("tbody", {}, findings.map((one) => h("tr", {},
    h("td", {}, h("span", { class: `health ${HEALTH[one.severity]}` }, WORDS[one.severity])),
    h("td", {}, one.about), h("td", {}, one.what), h("td", {}, one.do)))));
