// Shows one page at a time, by the part of the address after '#'.
import { h, show, send } from "./dom.js";
import { follow, start } from "./live.js";
import * as map from "./pages/map.js";
import * as requests from "./pages/requests.js";
import * as endpoints from "./pages/endpoints.js";
import * as events from "./pages/events.js";
import * as logs from "./pages/logs.js";
import * as mail from "./pages/mail.js";
import * as doctor from "./pages/doctor.js";

const PAGES = { map, requests, endpoints, events, logs, mail, doctor };
const main = document.getElementById("main");
const nav = document.getElementById("nav");
let leave = () => {};
let current = "";

for (const [index, [name, page]] of Object.entries(PAGES).entries()) {
  nav.append(h("li", {}, h("a", { href: `#/${name}`, "data-page": name, title: `Press ${index + 1}` }, page.title)));
}

function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const page = PAGES[name] ? name : "map";
  leave();
  show(main);
  for (const link of nav.querySelectorAll("a")) {
    if (link.dataset.page === page) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "center" });
    } else link.removeAttribute("aria-current");
  }
  document.title = `${PAGES[page].title} · northwind-mesh console`;
  leave = PAGES[page].open(main, rest) ?? (() => {});
  if (current && current !== page) main.focus({ preventScroll: true });
  current = page;
}

function theme(to) {
  const dark = to ?? !(document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
}

const kept = localStorage.getItem("theme");
if (kept) theme(kept === "dark");
document.getElementById("theme").addEventListener("click", () => theme());
document.getElementById("sign-out").addEventListener("click", async () => {
  await send("/api/sign-out");
  location.replace("/sign-in.html");
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) return;
  const page = Object.keys(PAGES)[Number(event.key) - 1];
  if (page) location.hash = `#/${page}`;
  else if (event.key === "t") theme();
  else if (event.key === "/") {
    const search = main.querySelector("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});
addEventListener("hashchange", route);

const link = document.getElementById("link");
follow("link", (state) => {
  link.textContent = state;
  link.dataset.state = state;
});

const spoken = document.getElementById("spoken");
const healths = new Map();
follow("mesh", ({ nodes }) => {
  const changed = nodes.filter((node) => healths.has(node.id) && healths.get(node.id) !== node.health);
  for (const node of nodes) healths.set(node.id, node.health);
  if (changed.length) spoken.textContent = changed.map((node) => `${node.label} is ${node.health}`).join(". ");
});

route();
start();
