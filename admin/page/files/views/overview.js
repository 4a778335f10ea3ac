// How the bridge is doing, at a glance and live.
import { api } from "../api.js";
import { line, strip } from "../charts.js";
import { h, replace } from "../dom.js";
import { ago, counted, duration, number, span } from "../format.js";
import { select } from "../parts/form.js";
import { live, redraw } from "../parts/live.js";
import { broken, loading } from "../parts/states.js";
import { amend } from "../router.js";

const EVERY = 2000;
const KEPT = 360;
const WINDOWS = [["15", "15 minutes"], ["60", "an hour"], ["360", "6 hours"], ["1440", "a day"]];
// What only the present is told of: the bridge remembers an hour of it, and what is seen since is added here, a point a step.
const seen = { lag: [], parked: [], budget: new Map(), step: 10_000, at: 0 };

const known = (list) => list.map((value) => value ?? 0);

function recall({ step_seconds, lag_seconds, parked, projects }) {
  Object.assign(seen, { lag: known(lag_seconds), parked: known(parked), budget: new Map(projects.map(({ project, calls_per_second }) => [project, known(calls_per_second)])), step: 1000 * step_seconds, at: Date.now() });
}

/** Every figure of one answer belongs to one point: a new one when the last is a step old. */
const remember = (list, value, isNew) => {
  if (isNew || list.length === 0) list.push(value ?? 0);
  else list[list.length - 1] = value ?? 0;
  if (list.length > KEPT) list.shift();
  return list;
};
const since = (list) => `over the last ${duration(((list.length - 1) * seen.step) / 1000)}`;

function gauge(title, value, unit, chart, below, href) {
  return h("section", { class: "gauge" },
    h("h2", {}, href ? h("a", { href }, title) : title),
    h("p", { class: "figure" }, value, unit ? h("span", { class: "unit" }, ` ${unit}`) : null),
    chart, h("p", { class: "below" }, below));
}

function deliveriesGauge({ deliveries }) {
  const counts = deliveries.series.map((point) => point.count);
  const most = Math.max(0, ...counts);
  return gauge("Deliveries", number(deliveries.per_second), "a second",
    line(counts, `Deliveries over the last ${span(deliveries.window_seconds)}, at most ${number(most)} in one ${span(deliveries.step_seconds)}.`),
    `${number(deliveries.total)} in the last ${span(deliveries.window_seconds)}, at most ${number(most)} in one ${span(deliveries.step_seconds)}`, "#/deliveries");
}

function lagGauge({ queue }, isNew) {
  const lags = remember(seen.lag, queue.lag_seconds, isNew);
  const below = queue.dirty === 0 ? "Every memory has been read." : `${number(queue.dirty)} to be read, ${number(queue.claimed)} being worked on, the oldest due for ${duration(queue.oldest_due_seconds)}`;
  return gauge("Lag", queue.lag_seconds === null ? "–" : duration(queue.lag_seconds), queue.lag_seconds === null ? "nothing applied yet" : "delivery to row",
    line(lags, `Lag ${since(lags)}: now ${duration(queue.lag_seconds)}, at most ${duration(Math.max(...lags))}.`), below);
}

function parkedGauge({ parked, queue }, isNew) {
  const counts = remember(seen.parked, parked.memories, isNew);
  return gauge("Parked", number(parked.memories), parked.memories === 1 ? "memory" : "memories",
    line(counts, `Parked memories ${since(counts)}: now ${number(parked.memories)}, at most ${number(Math.max(...counts))}.`, parked.memories > 0 ? "bad" : ""),
    [parked.memories === 0 ? "Nothing is held up." : `${counted(parked.groups, "cause")} to look at`,
      queue.waiting === 0 ? "" : `${counted(queue.waiting, "memory", "memories")} waiting for a row`,
      queue.blocked === 0 ? "" : `${counted(queue.blocked, "memory", "memories")} blocked by another session's locks, for ${duration(queue.blocked_oldest_seconds)}`].filter(Boolean).join(" "), "#/parked");
}

function budgetGauge({ project, mem0 }, several, isNew) {
  if (!seen.budget.has(project)) seen.budget.set(project, []);
  const rates = remember(seen.budget.get(project), mem0.calls_per_second, isNew);
  const paused = mem0.paused_seconds > 0;
  return gauge(several ? `Mem0 calls, ${project}` : "Mem0 calls", number(mem0.calls_per_second), "a second allowed",
    line(rates, `Calls a second allowed ${since(rates)}: now ${number(mem0.calls_per_second)} of ${number(mem0.most_per_second)}.`, paused ? "warn" : ""),
    paused ? `Mem0 asked to wait: ${duration(mem0.paused_seconds)} more` : `of ${number(mem0.most_per_second)} at most`);
}

function sweepGauge({ project, catching_up: catchingUp, last_sweep: sweep }, several) {
  const title = several ? `Last sweep, ${project}` : "Last sweep";
  const missed = catchingUp === null ? null : `What changed without a delivery is still looked for: ${catchingUp.reason}.`;
  if (sweep === null) return gauge(title, "–", "", strip([], "No sweep has finished yet."), missed ?? "None has finished yet.", "#/backfills");
  const { added, updated, deleted } = sweep.repaired;
  const repaired = added + updated + deleted;
  const words = `${number(added)} added, ${number(updated)} updated, ${number(deleted)} deleted`;
  return gauge(title, number(repaired), "repaired",
    strip([{ value: added, tone: "added" }, { value: updated, tone: "updated" }, { value: deleted, tone: "deleted" }], `Repaired by the last sweep: ${words}.`),
    missed ?? `${repaired === 0 ? "No delivery was lost" : words}; ${counted(sweep.seen, "memory", "memories")} looked at ${ago(sweep.finished_at)}`, "#/backfills");
}

function health({ ready, degraded, version }) {
  const [tone, words] = !ready ? ["bad", "Not ready: deliveries cannot be stored. /readyz on this address says what is missing."]
    : degraded ? ["warn", "Degraded: deliveries are stored, but something needs you."]
      : ["good", "Ready: receiving, reading and applying."];
  return h("p", { class: `health ${tone}` }, h("span", { class: "dot", "aria-hidden": "true" }), words, h("span", { class: "faint" }, `membridge ${version}`));
}

/** One reason of /readyz: what is wrong, with what, since when, and the next step. */
function reason({ message, hint, since, project, target, backfill, reason: name }) {
  const about = [project && `project ${project}`, target && `target ${target}`, backfill && `backfill ${backfill}`].filter(Boolean).join(", ");
  return h("li", { class: "reason", "data-reason": name },
    h("p", { class: "reason-what" }, about ? `${about}: ` : "", message, h("span", { class: "faint" }, ` · first seen ${ago(since)}`)),
    h("p", { class: "hint" }, hint));
}

function draw(answer) {
  const several = answer.projects.length > 1;
  const isNew = Date.now() - seen.at >= seen.step;
  if (isNew) seen.at = Date.now();
  return [
    health(answer),
    answer.reasons.length === 0 ? null : h("ul", { class: "reasons", "aria-label": "What is not right" }, answer.reasons.map(reason)),
    h("div", { class: "gauges" }, deliveriesGauge(answer), lagGauge(answer, isNew), parkedGauge(answer, isNew),
      answer.projects.map((project) => [budgetGauge(project, several, isNew), sweepGauge(project, several)])),
  ];
}

export default {
  name: "overview",
  title: "Overview",
  about: "What arrives, how long it takes to become rows, and what stands in its way.",
  show({ body, actions, query, signal, badge }) {
    let minutes = WINDOWS.some(([value]) => value === query.minutes) ? query.minutes : "60";
    replace(body, loading());
    let recalled = false;
    const look = async () => {
      try {
        const [answer, recent] = await Promise.all([api.get("overview", { minutes }, signal), recalled ? null : api.get("overview/recent", {}, signal)]);
        if (signal.aborted) return;
        if (recent !== null) recall(recent);
        recalled = true;
        redraw(body, draw(answer));
        badge("parked", answer.parked.memories, "parked");
      } catch (error) {
        if (!signal.aborted) replace(body, broken(error, look));
      }
    };
    const choice = select("minutes", WINDOWS, minutes, { "aria-label": "Deliveries of the last", on: { change: () => {
      minutes = choice.value;
      amend("overview", { minutes });
      look();
    } } });
    replace(actions, h("div", { class: "inline" }, choice), live(look, EVERY, signal));
  },
};
