import { empty, heading, show } from "../dom.js";

export const title = "Mail";

export function open(main) {
  show(main, heading("Mail"), empty("Nothing here yet."));
}
