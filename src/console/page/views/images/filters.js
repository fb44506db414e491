import { fill, h } from "../../dom.js";

const typingMs = 250;

/**
 * What narrows the list of images. It follows the address, and changes it.
 * @param {import("../../context.js").Context} context
 * @param {(changes: Record<string, string | undefined>, isTyping?: boolean) => void} change
 */
export function imageFilters({ api }, change) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  let wantedUpstream = "";
  const search = h("input", {
    type: "search",
    id: "search",
    placeholder: "alpine, ghcr.io/org, :v2",
    autocomplete: "off",
    spellcheck: "false",
    onInput: () => {
      clearTimeout(typing);
      typing = setTimeout(() => change({ q: search.value.trim() || undefined }, true), typingMs);
    },
  });
  const upstream = h("select", { id: "upstream", onChange: () => change({ upstream: upstream.value || undefined }) });
  const ready = h(
    "select",
    { id: "offline-ready", onChange: () => change({ offlineReady: ready.value || undefined }) },
    h("option", { value: "" }, "Any"),
    h("option", { value: "true" }, "Ready"),
    h("option", { value: "false" }, "Incomplete"),
  );
  const pinned = h("input", {
    type: "checkbox",
    id: "pinned",
    onChange: () => change({ pinned: pinned.checked ? "true" : undefined }),
  });
  const form = h(
    "form",
    { class: "filters", role: "search", onSubmit: (/** @type {Event} */ event) => event.preventDefault() },
    h("div", { class: "field grow" }, h("label", { for: "search" }, "Search"), search),
    h("div", { class: "field" }, h("label", { for: "upstream" }, "Upstream"), upstream),
    h("div", { class: "field" }, h("label", { for: "offline-ready" }, "Offline"), ready),
    h("div", { class: "field check" }, pinned, h("label", { for: "pinned" }, "Pinned only")),
  );
  /** @param {string[]} names */
  const offer = (names) => {
    const offered = wantedUpstream === "" || names.includes(wantedUpstream) ? names : [...names, wantedUpstream];
    fill(
      upstream,
      h("option", { value: "" }, "All"),
      offered.map((name) => h("option", { value: name }, name)),
    );
    upstream.value = wantedUpstream;
  };
  offer([]);
  // Without the list one can still search: the page says elsewhere that the instance does not answer.
  api.upstreams().then(
    ({ items }) => offer(items.map(({ name }) => name)),
    () => undefined,
  );
  return {
    element: form,
    /** @param {URLSearchParams} query */
    set(query) {
      if (document.activeElement !== search) search.value = query.get("q") ?? "";
      wantedUpstream = query.get("upstream") ?? "";
      if (![...upstream.options].some(({ value }) => value === wantedUpstream)) offer([]);
      upstream.value = wantedUpstream;
      ready.value = query.get("offlineReady") ?? "";
      pinned.checked = query.get("pinned") === "true";
    },
    close() {
      clearTimeout(typing);
    },
  };
}
