import { fill, h } from "../dom.js";

/**
 * What one may do here, and how to get the link that lets one do more.
 * @param {import("../session.js").Session} session
 */
export function accessTools(session) {
  const place = h("div", { class: "access" });
  const dialog = tokenDialog(session);
  const show = () => {
    const open = () => dialog.showModal();
    const words = session.isRefused ? "Wrong token" : "Read-only";
    if (session.mayWrite) {
      const forget = () => session.forget();
      fill(place, h("button", { type: "button", class: "quiet", onClick: forget }, "Forget token"));
    } else {
      const kind = session.isRefused ? "badge badge-bad" : "badge";
      fill(
        place,
        h("span", { class: kind }, words),
        h("button", { type: "button", class: "quiet", onClick: open }, "Unlock"),
        dialog,
      );
    }
  };
  session.onChange(show);
  show();
  return place;
}

/** Stands where an action would be. @param {import("../session.js").Session} session */
export function readOnlyHint(session) {
  if (session.mayWrite) return null;
  const wrong = "The token of this tab is not the one of this instance.";
  return h(
    "p",
    { class: "hint" },
    session.isRefused ? `${wrong} ` : "This page is read-only. ",
    "To pin, refresh, warm or evict, open the link that ",
    h("code", {}, "entrepot serve"),
    " prints in its terminal, or choose “Unlock” and give it the token in ",
    h("code", {}, "<dataDir>/admin-token"),
    ".",
  );
}

/** @param {import("../session.js").Session} session */
function tokenDialog(session) {
  const input = h("input", { type: "password", id: "token", autocomplete: "off", spellcheck: "false", required: true });
  const dialog = h(
    "dialog",
    { "aria-labelledby": "token-title" },
    h(
      "form",
      {
        method: "dialog",
        onSubmit: (/** @type {SubmitEvent} */ event) => {
          event.preventDefault();
          dialog.close();
          const token = input.value.trim();
          input.value = "";
          if (token !== "") session.use(token);
        },
      },
      h("h2", { id: "token-title" }, "Unlock actions"),
      h(
        "p",
        {},
        "The admin token is in the link that ",
        h("code", {}, "entrepot serve"),
        " prints, and in the file ",
        h("code", {}, "<dataDir>/admin-token"),
        ". It is kept until this tab is closed.",
      ),
      h("label", { for: "token" }, "Admin token"),
      input,
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { type: "button", onClick: () => dialog.close() }, "Cancel"),
        h("button", { type: "submit", class: "primary" }, "Unlock"),
      ),
    ),
  );
  return dialog;
}
