import { empty, heading, show } from "../dom.js";

export const title = "Doctor";

export function open(main) {
  show(main, heading("Doctor"), empty("Nothing here yet."));
}
