import { h } from "../../dom.js";
import { formatAgo, formatBytes, formatTime } from "../../format.js";
import { reasonWords } from "../reasons.js";
import { panel } from "../../parts/pieces.js";

/** @typedef {import("../../documents.d.ts").Explanation} Explanation */

/** Why it is kept, when it goes, and when it went before, in sentences. @param {Explanation} explanation */
export function explanationPanel(explanation) {
  const sentences = [
    ...namedBy(explanation),
    ...keptBy(explanation),
    queueSentence(explanation),
    bytesSentence(explanation),
    verifiedSentence(explanation),
  ].filter((sentence) => sentence !== undefined);
  const { departures } = explanation;
  return panel(
    explanation.state === "present" ? "Why it is here" : "Why it is not here",
    { id: "why-title", className: "span-2" },
    h(
      "ul",
      { class: "sentences" },
      sentences.map((sentence) => h("li", {}, sentence)),
    ),
    departures.length > 0 && [
      h("h3", {}, "It has left before"),
      h(
        "ul",
        { class: "sentences" },
        departures.map((departure) => h("li", {}, departureSentence(departure))),
      ),
    ],
  );
}

const states = {
  present: "It is here.",
  known: "It is known by name, and not here: nobody has pulled it since it was named.",
  doomed: "It is about to leave the store.",
  absent: "It is not here.",
};

/** @param {Explanation} explanation @returns {string[]} */
function namedBy({ state, tags, subject, neededBy }) {
  const named = tags
    .filter(({ image, relation }) => relation === "current" && image !== subject)
    .map(({ image }) => image);
  const held = tags.filter(({ relation }) => relation === "held").map(({ image }) => image);
  const above = neededBy.filter(({ kind }) => kind === "index").flatMap(({ images }) => images);
  return [
    states[state],
    ...(named.length > 0 ? [`The same content is also named ${named.join(", ")}.`] : []),
    ...(held.length > 0 ? [`A rollback holds ${held.join(", ")} at it.`] : []),
    ...(above.length > 0 ? [`It is one platform of ${[...new Set(above)].join(", ")}.`] : []),
  ];
}

/** @param {Explanation} explanation @returns {string[]} */
function keptBy({ pins, leasedUntil }) {
  const isLeased = leasedUntil !== null && Date.parse(leasedUntil) > Date.now();
  return [
    ...(pins.length > 0 ? [`It is never evicted: pinned by ${pins.join(", ")}.`] : []),
    ...(isLeased
      ? [`It stays until ${formatTime(leasedUntil)} at least: a client was just given it and may want the rest.`]
      : []),
  ];
}

/** @param {Explanation} explanation */
function queueSentence({ queue, pins }) {
  if (!queue || pins.length > 0) return undefined;
  if (queue.rank === 1) return "When room is needed, it goes next: nothing else has gone longer without a pull.";
  return `When room is needed, it goes as number ${queue.rank}; what was pulled longer ago goes first.`;
}

/** @param {Explanation} explanation */
function bytesSentence({ uniqueBytes, sharedBytes }) {
  if (uniqueBytes === 0 && sharedBytes === 0) return undefined;
  const stays =
    sharedBytes > 0 ? ` Another ${formatBytes(sharedBytes)} of it would stay, since others need them too.` : "";
  return `Its going would free ${formatBytes(uniqueBytes)}.${stays}`;
}

/** @param {Explanation} explanation */
function verifiedSentence({ lastVerifiedAt }) {
  return lastVerifiedAt === null
    ? undefined
    : `Its bytes were last checked against their digest ${formatAgo(lastVerifiedAt)}.`;
}

/** @param {Explanation["departures"][number]} departure */
function departureSentence({ at, reason, bytes, image }) {
  return `${formatTime(at)}: ${reasonWords(reason)}${image === null ? "" : `, as ${image}`}; ${formatBytes(bytes)} were freed.`;
}
