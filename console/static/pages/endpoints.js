import { empty, heading, show } from "../dom.js";

export const title = "Endpoints";

export function open(main) {
  show(main, heading("Endpoints"), empty("Nothing here yet."));
}
