// Small charts without a library. Each says in words what it draws; the drawing itself is hidden from screen readers.
import { h, svg } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 44;

function points(values, top) {
  const step = WIDTH / Math.max(1, values.length - 1);
  return values.map((value, at) => [at * step, HEIGHT - 2 - (value / top) * (HEIGHT - 6)]);
}

const path = (all) => all.map(([x, y], at) => `${at === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/**
 * A line with its area, oldest value first. `words` is the text alternative; `axis` is {from, to, at(index)}: what the ends of the
 * time axis are called, and what one reads when pointing at a value.
 */
export function line(values, words, tone = "", axis = null) {
  const known = values.length > 1 ? values : [...values, ...values];
  const top = Math.max(...known, 0) || 1;
  const all = points(known.length > 0 ? known : [0, 0], top);
  const mark = svg("path", { class: "pointed", d: "" });
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" },
    svg("path", { class: "ground", d: `M0 ${HEIGHT - 1.5}H${WIDTH}` }),
    svg("path", { class: "area", d: `${path(all)}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z` }),
    svg("path", { class: "trace", d: path(all) }), mark);
  if (axis === null) return h("figure", { class: `chart ${tone}` }, drawing, h("figcaption", { class: "unseen" }, words));
  const read = h("span", { class: "read" });
  const point = (event) => {
    const { left, width } = drawing.getBoundingClientRect();
    const at = Math.min(known.length - 1, Math.max(0, Math.round(((event.clientX - left) / width) * (known.length - 1))));
    if (known.length === 0) return;
    mark.setAttribute("d", `M${all[at][0].toFixed(1)} 0V${HEIGHT}`);
    read.textContent = axis.at(Math.min(at, values.length - 1));
  };
  const leave = () => {
    mark.setAttribute("d", "");
    read.textContent = "";
  };
  return h("figure", { class: `chart ${tone}`, on: { pointermove: point, pointerleave: leave } }, drawing,
    h("div", { class: "axis", "aria-hidden": "true" }, h("span", {}, axis.from), read, h("span", {}, axis.to)),
    h("figcaption", { class: "unseen" }, words));
}

/** Shares of a whole, one strip: `parts` are {label, value, tone}. */
export function strip(parts, words) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0);
  let at = 0;
  const pieces = parts.filter((part) => part.value > 0).map((part) => {
    const width = (part.value / whole) * WIDTH;
    const piece = svg("rect", { class: part.tone, x: at.toFixed(1), y: 0, width: Math.max(1, width - 1).toFixed(1), height: 10 });
    at += width;
    return piece;
  });
  return h("figure", { class: "strip" },
    svg("svg", { viewBox: `0 0 ${WIDTH} 10`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" },
      svg("rect", { class: "empty", x: 0, y: 0, width: WIDTH, height: 10 }), pieces),
    h("figcaption", { class: "unseen" }, words));
}
