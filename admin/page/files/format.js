// How numbers, times and ids read. Everything here answers text or a small element; nothing asks the API.
import { h } from "./dom.js";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const decimals = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "medium" });

/** 1,234 · 12.3 · 0.04; a dash for what is not known. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(Number(value))) return "–";
  const n = Number(value);
  if (Number.isInteger(n) || Math.abs(n) >= 100) return whole.format(n);
  return Math.abs(n) >= 1 ? decimals.format(n) : String(Number(n.toPrecision(2)));
}

/** "1 memory", "3 memories" */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${Number(count) === 1 ? one : many}`;

/** 0.3 s · 42 s · 3 min 5 s · 2 h 10 min · 4 d 3 h */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const s = Math.max(0, Number(seconds));
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 10) return `${decimals.format(s)} s`;
  if (s < 60) return `${Math.round(s)} s`;
  const pairs = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];
  const [big, bigUnit, small, smallUnit] = pairs.find(([unit]) => s >= unit);
  const rest = Math.floor((s % big) / small);
  return `${Math.floor(s / big)} ${bigUnit}${rest > 0 ? ` ${rest} ${smallUnit}` : ""}`;
}

/** A span one names rather than counts: "minute", "hour", "15 min". */
export const span = (seconds) => ({ 60: "minute", 3600: "hour", 86400: "day" })[seconds] ?? duration(seconds);

export function bytes(count) {
  if (count === null || count === undefined) return "–";
  if (count < 1024) return `${count} B`;
  return count < 1048576 ? `${decimals.format(count / 1024)} KiB` : `${decimals.format(count / 1048576)} MiB`;
}

/** How long ago, or in how long, in words. */
export function ago(instant) {
  const seconds = (Date.now() - new Date(instant).getTime()) / 1000;
  if (Math.abs(seconds) < 2) return "just now";
  const text = duration(Math.abs(seconds) < 60 ? Math.round(Math.abs(seconds)) : Math.abs(seconds)).split(" ").slice(0, 2).join(" ");
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

/** A point in time: local clock to read, exact UTC on hover and for machines. */
export function time(instant, { relative = false } = {}) {
  if (!instant) return h("span", { class: "faint" }, "–");
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return h("span", {}, instant);
  return h("time", { datetime: instant, title: `${instant}` }, relative ? ago(instant) : clock.format(date));
}

/** An id, cut short for the eye alone: it is copied and read out whole. */
export const id = (text, href) => (text ? h(href ? "a" : "span", { class: "id", href, title: text }, text) : h("span", { class: "faint" }, "–"));

/** A value of unknown kind as one line. */
export const plain = (value) => (value === null || value === undefined ? "null" : typeof value === "string" ? value : JSON.stringify(value));
