import { h } from "../dom.js";
import { empty } from "../parts/pieces.js";

/** @returns {import("../router.js").View} */
export function missingView() {
  const element = h(
    "div",
    {},
    h("h1", {}, "Not found"),
    empty(h("p", {}, "There is no such page. "), h("p", {}, h("a", { href: "#/" }, "Go to the overview"))),
  );
  return { title: "Not found", element };
}
