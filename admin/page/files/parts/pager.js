// Pages behind cursors. A cursor only goes forward, so "newer" is the browser's own way back.
import { h } from "../dom.js";
import { to } from "../router.js";

/** Links to the next page and to the first; nothing when there is only one. */
export function pager(parts, query, next, { forward = "Older", start = "Newest" } = {}) {
  if (!next && !query.cursor) return null;
  return h("nav", { class: "pager", "aria-label": "Pages" },
    query.cursor ? h("a", { class: "button", href: to(parts, { ...query, cursor: "" }) }, `⇤ ${start}`) : h("span"),
    next ? h("a", { class: "button", rel: "next", href: to(parts, { ...query, cursor: next }) }, `${forward} →`) : h("span", { class: "faint" }, "This is the end."));
}
