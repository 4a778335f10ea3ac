// Lists. A table on a wide screen; on a narrow one each row becomes a card whose cells carry their column's name.
import { h } from "../dom.js";

/**
 * `columns` are {label, cell(row), class, narrow}: `cell` answers text or nodes; `narrow: "title"` heads the card, "wide" gives the
 * cell a line of its own. With `lines` a row takes two lines there instead: title and "mark", then "line" and "end"; "none" is left to the detail. `rowHref(row)` makes the whole row lead there, as its link does. The roles are spelled out because styling a table as cards takes them away otherwise.
 */
export function table(caption, columns, rows, { rowClass, rowHref, lines = false } = {}) {
  const head = columns.map((column) => h("th", { scope: "col", role: "columnheader", class: column.class }, column.label || h("span", { class: "unseen" }, "Actions")));
  const body = rows.map((row) => h("tr", { role: "row", class: [rowClass?.(row), rowHref && "leads"].filter(Boolean).join(" ") || undefined, on: rowHref ? { click: (event) => follow(event, rowHref(row)) } : undefined },
    columns.map((column) => h("td", { role: "cell", class: [column.class, column.narrow ? `narrow-${column.narrow}` : ""].filter(Boolean).join(" ") || undefined, "data-label": column.label || undefined },
      h("div", { class: "cell" }, column.cell(row))))));
  return h("div", { class: "table-box" },
    h("table", { role: "table", class: lines ? "lines" : undefined }, h("caption", { class: "unseen" }, caption), h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)), h("tbody", { role: "rowgroup" }, body)));
}

/** A click beside links and buttons, and that marked no text. */
function follow(event, href) {
  if (event.target.closest("a, button, input, label") || !getSelection().isCollapsed) return;
  if (event.ctrlKey || event.metaKey) open(href, "_blank", "noopener");
  else location.hash = href;
}

/** Names and values of one thing; pairs whose value is null or undefined are left out. */
export const facts = (pairs) => h("dl", { class: "facts" },
  pairs.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
