import { h } from "../dom.js";

/**
 * Asks before something is done that cannot be taken back; the focus is on not doing it.
 * @param {{ title: string, words: import("../dom.js").Child[], action: string }} question
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, words, action }) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      {
        "aria-labelledby": "confirm-title",
        onClose: () => {
          resolve(dialog.returnValue === "yes");
          dialog.remove();
        },
      },
      h("h2", { id: "confirm-title" }, title),
      words,
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { type: "button", autofocus: true, onClick: () => dialog.close("no") }, "Cancel"),
        h("button", { type: "button", class: "danger", onClick: () => dialog.close("yes") }, action),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
