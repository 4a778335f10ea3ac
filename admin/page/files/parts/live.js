// Asking again and again while somebody looks: pauses while the tab is hidden or the reader has paused it, and never overlaps itself.
import { h } from "../dom.js";

/** Calls `look` now and every `milliseconds` until `signal` is aborted. Answers the switch that pauses it. */
export function live(look, milliseconds, signal) {
  let paused = false;
  let timer;
  let looking = false;
  const plan = () => {
    clearTimeout(timer);
    if (!signal.aborted && !paused && !document.hidden) timer = setTimeout(round, milliseconds);
  };
  async function round() {
    if (looking) return;
    looking = true;
    try {
      await look();
    } finally {
      looking = false;
      plan();
    }
  }
  const tick = h("input", { type: "checkbox", role: "switch", checked: true, on: { change: () => {
    paused = !tick.checked;
    if (paused) clearTimeout(timer);
    else round();
  } } });
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : paused || round()), { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  round();
  return h("label", { class: "switch" }, tick, "Live");
}
