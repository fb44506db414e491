import { fill, h } from "../dom.js";
import { readOnlyHint } from "../parts/access.js";
import { panel } from "../parts/pieces.js";
import { linkTo } from "../router.js";
import { jobPanel } from "./warm/job.js";

/** @typedef {import("../context.js").Context} Context */

/**
 * @param {Context} context
 * @param {URLSearchParams} first
 * @returns {import("../router.js").View}
 */
export function warmView(context, first) {
  const { session } = context;
  const place = h("div");
  /** @type {ReturnType<typeof jobPanel> | undefined} */
  let job;
  const show = (/** @type {URLSearchParams} */ query) => {
    job?.close();
    job = undefined;
    const id = query.get("job");
    if (id === null) {
      fill(place);
      return;
    }
    job = jobPanel(context, id);
    fill(place, job.element);
  };
  const element = h(
    "div",
    {},
    h("h1", {}, "Warm"),
    h("p", { class: "lead" }, "Fetch images before anybody pulls them. What is here already is not fetched again."),
    readOnlyHint(session),
    session.mayWrite && warmForm(context, first.get("image") ?? ""),
    place,
  );
  show(first);
  return { title: "Warm", element, onQuery: show, close: () => job?.close() };
}

/**
 * @param {Context} context
 * @param {string} image
 */
function warmForm({ api, notices }, image) {
  const images = h("textarea", {
    id: "images",
    rows: "4",
    required: true,
    spellcheck: "false",
    placeholder: "docker.io/library/alpine:3",
  });
  images.value = image;
  const platforms = h("input", {
    id: "platforms",
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "platforms-note",
    placeholder: "linux/amd64, linux/arm64",
  });
  const submit = async () => {
    try {
      const body = {
        images: wordsIn(images.value),
        ...(platforms.value.trim() !== "" && { platforms: wordsIn(platforms.value) }),
      };
      const { id } = await api.warm(body);
      location.hash = linkTo("warm", { job: id });
    } catch (error) {
      notices.failed(error);
    }
  };
  return panel(
    "Images to fetch",
    { id: "warm-title" },
    h(
      "form",
      {
        class: "stacked",
        onSubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          void submit();
        },
      },
      h("div", { class: "field" }, h("label", { for: "images" }, "Images, one per line"), images),
      h(
        "div",
        { class: "field" },
        h("label", { for: "platforms" }, "Platforms"),
        platforms,
        h(
          "p",
          { class: "muted small-print", id: "platforms-note" },
          "Left empty: those that are here already, else linux/amd64 and linux/arm64.",
        ),
      ),
      h("div", { class: "actions" }, h("button", { type: "submit", class: "primary" }, "Warm")),
    ),
  );
}

/** @param {string} text */
function wordsIn(text) {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}
