import { fill, h, keptList, setText } from "../../dom.js";
import { countOf, formatBytes } from "../../format.js";
import { actionButton } from "../../parts/actions.js";
import { badge, bar, panel } from "../../parts/pieces.js";

/** @typedef {import("../../documents.d.ts").WarmJob} WarmJob */
/** @typedef {import("../../documents.d.ts").WarmItem} WarmItem */

const askEveryMs = 500;
/** @type {Record<string, "good" | "bad" | "warn" | "plain">} */
const badgeKinds = { done: "good", failed: "bad", cancelled: "warn" };

/**
 * How far a warming is, until it has ended.
 * @param {import("../../context.js").Context} context
 * @param {string} id
 */
export function jobPanel(context, id) {
  const { api, session } = context;
  const total = bar("All images", "progressbar");
  const words = h("p", { class: "meter-words", role: "status" });
  const list = h("ul", { class: "fills" });
  const tools = h("div", { class: "actions" });
  const element = panel("Progress", { id: "job-title" }, words, total.element, list, tools);
  const showItems = keptList(list, { keyOf: ({ image }) => image, create: warmItem });
  let isClosed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const cancel = async () => {
    await api.cancelJob(id);
  };
  const show = (/** @type {WarmJob} */ job) => {
    const { progress, state, items } = job;
    setText(words, jobWords(job));
    total.set(
      progress.totalBytes === 0 ? (state === "running" ? null : 1) : progress.bytes / progress.totalBytes,
      jobWords(job),
    );
    showItems(items);
    const isRunning = state === "running";
    if (!isRunning) fill(tools);
    else if (session.mayWrite && tools.childElementCount === 0) fill(tools, actionButton(context, "Stop", cancel));
    return isRunning;
  };
  const ask = async () => {
    try {
      const isRunning = show(await api.job(id));
      if (!isRunning || isClosed) return;
    } catch (error) {
      setText(words, error instanceof Error ? error.message : String(error));
      if (/** @type {{ status?: number }} */ (error).status !== 0) return;
    }
    if (!isClosed) timer = setTimeout(() => void ask(), askEveryMs);
  };
  void ask();
  return {
    element,
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** @param {WarmJob} job */
function jobWords({ state, progress, result, error }) {
  const bytes = `${formatBytes(progress.bytes)} of ${formatBytes(progress.totalBytes)}`;
  if (state === "running") return `Running: ${bytes}, ${progress.blobs} of ${countOf(progress.totalBlobs, "blob")}.`;
  if (state === "cancelled")
    return `Stopped at ${bytes}. What has been fetched stays; warming again goes on from there.`;
  if (result === null) return error ?? "It has failed.";
  const failed = result.failed.length > 0 ? ` ${countOf(result.failed.length, "image")} failed.` : "";
  return `Done: ${formatBytes(result.fetched.bytes)} fetched, ${formatBytes(result.present.bytes)} were here already.${failed}`;
}

/** @param {WarmItem} item */
function warmItem({ image }) {
  const progress = bar(`Warming of ${image}`, "progressbar");
  const state = h("span");
  const bytes = h("span", { class: "fill-bytes" });
  const note = h("span", { class: "fill-note" });
  let shown = "";
  const element = h(
    "li",
    { class: "fill" },
    h("span", { class: "fill-name" }, image, " ", state),
    bytes,
    progress.element,
    note,
  );
  return {
    element,
    /** @param {WarmItem} item */
    set(item) {
      const text = `${formatBytes(item.bytes)} of ${formatBytes(item.totalBytes)}`;
      setText(bytes, text);
      if (shown !== item.state) fill(state, badge(item.state, badgeKinds[item.state] ?? "plain"));
      shown = item.state;
      setText(note, item.error ?? `${countOf(item.fetchedBlobs, "blob")} fetched, ${item.presentBlobs} here already`);
      note.classList.toggle("bad-words", item.error !== null);
      const isDone = item.state === "done";
      progress.set(
        item.totalBytes === 0 ? (isDone ? 1 : item.state === "running" ? null : 0) : item.bytes / item.totalBytes,
        text,
      );
    },
  };
}
