// Small charts without a library. Each says in words what it draws; the drawing itself is hidden from screen readers.
import { h, svg } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 44;

function points(values, top) {
  const step = WIDTH / Math.max(1, values.length - 1);
  return values.map((value, at) => [at * step, HEIGHT - 2 - (value / top) * (HEIGHT - 6)]);
}

const path = (all) => all.map(([x, y], at) => `${at === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/** A trace with gaps where a value is not known. A value between two gaps is a dash. */
function traceOf(values, top) {
  const all = points(values.map((value) => value ?? 0), top);
  let drawn = "";
  all.forEach(([x, y], at) => {
    if (values[at] === null) return;
    drawn += at > 0 && values[at - 1] !== null ? `L${x.toFixed(1)} ${y.toFixed(1)}` : `M${Math.max(0, x - 2).toFixed(1)} ${y.toFixed(1)}H${Math.max(2, x).toFixed(1)}`;
  });
  return drawn;
}

const drawingOf = (...parts) => svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" }, parts);

/**
 * The figure around a drawing. `axis` is {from, to, at(index)}: what the ends of the time axis are called, and what one reads when
 * pointing at the value of a place; `places` is how many there are, and `x(index)` where each is.
 */
function figure(drawing, mark, words, tone, axis, places, x) {
  if (axis === null) return h("figure", { class: `chart ${tone}` }, drawing, h("figcaption", { class: "unseen" }, words));
  const read = h("span", { class: "read" });
  const point = (event) => {
    if (places === 0) return;
    const { left, width } = drawing.getBoundingClientRect();
    const at = Math.min(places - 1, Math.max(0, Math.round(((event.clientX - left) / width) * (places - 1))));
    mark.setAttribute("d", `M${x(at).toFixed(1)} 0V${HEIGHT}`);
    read.textContent = axis.at(at);
  };
  const leave = () => {
    mark.setAttribute("d", "");
    read.textContent = "";
  };
  return h("figure", { class: `chart ${tone}`, on: { pointermove: point, pointerleave: leave } }, drawing,
    h("div", { class: "axis", "aria-hidden": "true" }, h("span", {}, axis.from), read, h("span", {}, axis.to)),
    h("figcaption", { class: "unseen" }, words));
}

const ground = () => svg("path", { class: "ground", d: `M0 ${HEIGHT - 1.5}H${WIDTH}` });

/** A line with its area, oldest value first. `words` is the text alternative; `axis` as in `figure`. */
export function line(values, words, tone = "", axis = null) {
  const known = values.length > 1 ? values : [...values, ...values];
  const all = points(known.length > 0 ? known : [0, 0], Math.max(...known, 0) || 1);
  const mark = svg("path", { class: "pointed", d: "" });
  return figure(drawingOf(ground(), svg("path", { class: "area", d: `${path(all)}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z` }), svg("path", { class: "trace", d: path(all) }), mark),
    mark, words, tone, axis, values.length, (at) => all[at][0]);
}

/** Several lines over one axis: `series` are {values, tone}, of one length, with null where nothing is known. */
export function lines(series, words, axis) {
  const top = Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0))) || 1;
  const count = series[0].values.length;
  const mark = svg("path", { class: "pointed", d: "" });
  return figure(drawingOf(ground(), series.map(({ values, tone }) => svg("path", { class: `trace ${tone}`, d: traceOf(values, top) })), mark),
    mark, words, "", axis, count, (at) => (at * WIDTH) / Math.max(1, count - 1));
}

/** Bars of stacked counts over one axis: `series` are {values, tone}, of one length; the first stands at the bottom. */
export function stack(series, words, axis) {
  const count = series[0].values.length;
  const sums = series[0].values.map((_, at) => series.reduce((sum, { values }) => sum + values[at], 0));
  const top = Math.max(0, ...sums) || 1;
  const width = WIDTH / Math.max(1, count);
  const high = sums.map(() => 0);
  const bars = series.flatMap(({ values, tone }) => values.map((value, at) => {
    if (value === 0) return null;
    const tall = Math.max(0.8, (value / top) * (HEIGHT - 4));
    high[at] += tall;
    return svg("rect", { class: tone, x: (at * width + width * 0.1).toFixed(2), y: (HEIGHT - 1.5 - high[at]).toFixed(2), width: (width * 0.8).toFixed(2), height: tall.toFixed(2) });
  }));
  const mark = svg("path", { class: "pointed", d: "" });
  return figure(drawingOf(ground(), bars, mark), mark, words, "stacked", axis, count, (at) => (at + 0.5) * width);
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

/** What the colours of a chart mean: `series` are {label, tone}. */
export const legend = (series) => h("p", { class: "legend", "aria-hidden": "true" }, series.map(({ label, tone }) => h("span", { class: `key ${tone}` }, label)));
