import { empty, heading, show } from "../dom.js";

export const title = "Events";

export function open(main) {
  show(main, heading("Events"), empty("Nothing here yet."));
}
