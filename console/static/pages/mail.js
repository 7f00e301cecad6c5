// The mail that `mesh up` caught: none of it left this machine.
import { empty, h, heading, headings, load, show, wide } from "../dom.js";
import { follow } from "../live.js";

export const title = "Mail";

export function open(main, [number]) {
  const list = wide("Mails");
  const letter = h("section", { class: "panel", hidden: !number });
  const note = h("p", { class: "summary", role: "status" });
  show(main, heading("Mail", note), list, letter);

  async function refresh() {
    try {
      const { kept, mails } = await load("/api/mail");
      show(note, kept ? `${mails.length} mails, the newest first` : "");
      show(list, !kept ? empty("The services send their mail to a server of its own, not to this console.")
        : mails.length ? table(mails) : empty("No mail yet. Register an account, or place an order."));
    } catch (error) {
      show(note, error.message);
    }
  }
  if (number) load(`/api/mail/${Number(number)}`).then((mail) => show(letter, page(mail)), (error) => show(letter, empty(error.message)));
  refresh();
  let waiting = null;
  const end = follow("events", () => { waiting ??= setTimeout(() => { waiting = null; refresh(); }, 1500); });
  return () => {
    end();
    clearTimeout(waiting);
  };
}

function table(mails) {
  return h("table", { class: "rows" },
    headings("number", "date", "to", "subject"),
    h("tbody", {}, mails.map((mail) => h("tr", {}, h("td", {}, mail.number), h("td", {}, mail.date), h("td", {}, mail.to),
      h("td", {}, h("a", { href: `#/mail/${mail.number}` }, mail.subject || "(no subject)"))))));
}

function page(mail) {
  return [
    h("h2", {}, mail.subject),
    h("p", {}, `to ${mail.to}, ${mail.date}`),
    h("pre", {}, mail.text || "(no text)"),
    mail.html && h("details", {}, h("summary", {}, "HTML source"), h("pre", {}, mail.html)),
  ];
}
