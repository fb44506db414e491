import { h } from "../dom.js";
import { actionButton, pin, unpin } from "./actions.js";
import { badge } from "./pieces.js";

/**
 * Whether an image is pinned, and the button that changes that. A pin that is a pattern, or of the configuration, holds other images
 * too, and is not to be dropped by the way.
 * @param {import("../context.js").Context} context
 * @param {{ image: string, pins: readonly string[] }} item
 * @param {() => void} onChanged
 */
export function pinControl(context, { image, pins }, onChanged) {
  const patterns = pins.filter((pattern) => pattern !== image);
  const hasOwn = pins.includes(image);
  const change = async () => {
    await (hasOwn ? unpin(context, image) : pin(context, image));
    onChanged();
  };
  return h(
    "span",
    { class: "pin-control" },
    hasOwn && badge("pinned", "good"),
    patterns.length > 0 && h("span", { class: "badge", title: patterns.join(", ") }, "pinned by a pattern"),
    context.session.mayWrite &&
      actionButton(context, hasOwn ? "Unpin" : "Pin", change, {
        className: "small",
        label: `${hasOwn ? "Unpin" : "Pin"} ${image}`,
      }),
  );
}
