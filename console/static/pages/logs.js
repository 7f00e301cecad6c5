import { empty, heading, show } from "../dom.js";

export const title = "Logs";

export function open(main) {
  show(main, heading("Logs"), empty("Nothing here yet."));
}
