import { fill, h } from "../dom.js";
import { ago, countOf, digestText, formatBytes, imageName } from "../format.js";
import { readOnlyHint } from "../parts/access.js";
import { actionButton, evictedWords, sharedWords } from "../parts/actions.js";
import { confirmed } from "../parts/confirm.js";
import { empty, factList, panel } from "../parts/pieces.js";
import { Remote } from "../parts/remote.js";
import { table } from "../parts/table.js";
import { linkToImage } from "../router.js";

/** @typedef {import("../documents.d.ts").EvictionReport} EvictionReport */

const units = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
const shown = 200;

/**
 * @param {import("../context.js").Context} context
 * @returns {import("../router.js").View}
 */
export function evictionView(context) {
  const { api, session, notices } = context;
  let freeBytes = units.GiB;
  const amount = h("input", {
    type: "number",
    id: "amount",
    min: "0.1",
    step: "any",
    value: "1",
    required: true,
    inputmode: "decimal",
  });
  const unit = h(
    "select",
    { id: "unit", "aria-label": "Unit" },
    Object.keys(units).map((name) => h("option", { value: name, selected: name === "GiB" }, name)),
  );
  const evict = async (/** @type {EvictionReport} */ plan) => {
    const isSure = await confirmed({
      title: `Evict ${countOf(plan.victims.length, "entry", "entries")}?`,
      words: [
        h("p", {}, `${formatBytes(plan.freedBytes)} will be freed.${sharedWords(plan)}`),
        h("p", { class: "muted" }, "What is pulled again later is fetched from its upstream again."),
      ],
      action: "Evict now",
    });
    if (!isSure) return;
    notices.done(evictedWords(await api.evict({ freeBytes })));
    await remote.load();
  };
  /** @type {Remote<EvictionReport>} */
  const remote = new Remote(
    (signal) => api.plan(freeBytes, signal),
    (plan) => [
      summary(plan),
      plan.victims.length === 0
        ? empty(h("p", {}, "There is nothing that could go: the store is empty, or all of it is pinned or in use."))
        : queue(plan),
      session.mayWrite &&
        plan.victims.length > 0 &&
        h(
          "div",
          { class: "actions" },
          actionButton(context, "Evict these now…", () => evict(plan), { className: "danger" }),
        ),
    ],
  );
  const plan = () => {
    freeBytes = Math.max(1, Math.round(amount.valueAsNumber * units[/** @type {keyof typeof units} */ (unit.value)]));
    void remote.load();
  };
  const form = h(
    "form",
    {
      class: "filters",
      onSubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        plan();
      },
    },
    h(
      "div",
      { class: "field" },
      h("label", { for: "amount" }, "Room to make"),
      h("div", { class: "joined" }, amount, unit),
    ),
    h("button", { type: "submit", class: "primary" }, "What would go?"),
  );
  const element = h(
    "div",
    {},
    h("h1", {}, "Eviction"),
    h(
      "p",
      { class: "lead" },
      "What would leave the store to make room, first the images that nobody has pulled for longest. Asking changes nothing.",
    ),
    readOnlyHint(session),
    form,
    panel("What would go", { id: "queue-title" }, remote.element),
  );
  plan();
  return { title: "Eviction", element, close: () => remote.close() };
}

/** @param {EvictionReport} plan */
function summary(plan) {
  const { wantedBytes, freedBytes, keptSharedBytes, victims } = plan;
  const isShort = freedBytes < wantedBytes && victims.length > 0;
  return h(
    "div",
    { role: "status" },
    factList(
      [
        ["Asked for", formatBytes(wantedBytes)],
        ["Would be freed", formatBytes(freedBytes)],
        ["Shared, so it stays", formatBytes(keptSharedBytes)],
        ["Would go", countOf(victims.length, "entry", "entries")],
      ],
      "summary-facts",
    ),
    isShort && h("p", { class: "hint" }, "That is less than was asked for: the rest is pinned, in use, or not there."),
  );
}

/** @param {EvictionReport} plan */
function queue({ victims }) {
  const more = victims.length - shown;
  const place = h("div", {});
  fill(
    place,
    table({
      caption: "The eviction queue, what goes first at the top",
      items: victims.slice(0, shown).map((victim, index) => ({ ...victim, rank: index + 1 })),
      columns: [
        { head: "#", label: "", isNumber: true, cell: ({ rank }) => String(rank) },
        { head: "Image", isHead: true, cell: victimName },
        { head: "Kind", cell: ({ kind }) => kind },
        { head: "Digest", cell: ({ digest }) => digestText(digest) },
        { head: "Last pulled", cell: ({ lastPulledAt }) => ago(lastPulledAt) },
        { head: "Frees", isNumber: true, cell: ({ bytes }) => formatBytes(bytes) },
      ],
    }),
    more > 0 && h("p", { class: "muted" }, `and ${countOf(more, "more", "more")}`),
  );
  return place;
}

/** @param {EvictionReport["victims"][number]} victim */
function victimName({ images }) {
  const [first, ...others] = images;
  if (first === undefined) return h("span", { class: "muted" }, "without a tag");
  return [
    h("a", { href: linkToImage(first) }, imageName(first)),
    others.length > 0 &&
      h("span", { class: "muted", title: others.join(", ") }, ` and ${countOf(others.length, "other name")}`),
  ];
}
