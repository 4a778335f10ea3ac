// How the bridge is doing, at a glance and live.
import { api } from "../api.js";
import { line, strip } from "../charts.js";
import { h, replace } from "../dom.js";
import { ago, counted, duration, id, number, span, time } from "../format.js";
import { select } from "../parts/form.js";
import { live, redraw } from "../parts/live.js";
import { outcome } from "../parts/outcome.js";
import { broken, loading } from "../parts/states.js";
import { amend, to } from "../router.js";
import { session } from "../session.js";

const EVERY = 2000;
const KEPT = 360;
const LATEST = 8;
const CAUSES = 4;
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
/** The axis of a list that ends now, for values that read as `words`. */
const upToNow = (list, words) => ({ from: list.length > 1 ? `${duration(((list.length - 1) * seen.step) / 1000)} ago` : "", to: "now",
  at: (place) => `${words(list[place])}, ${place === list.length - 1 ? "now" : `${duration(((list.length - 1 - place) * seen.step) / 1000)} ago`}` });
const since = (list) => `over the last ${duration(((list.length - 1) * seen.step) / 1000)}`;

const clock = (instant) => new Date(instant).toLocaleTimeString("sv", { hour: "2-digit", minute: "2-digit" });

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
    line(counts, `Deliveries over the last ${span(deliveries.window_seconds)}, at most ${number(most)} in one ${span(deliveries.step_seconds)}.`, "",
      { from: `${duration(deliveries.window_seconds)} ago`, to: "now", at: (place) => `${number(counts[place])} from ${clock(deliveries.series[place].at)}` }),
    `${number(deliveries.total)} in the last ${span(deliveries.window_seconds)}, at most ${number(most)} in one ${span(deliveries.step_seconds)}`, "#/deliveries");
}

function lagGauge({ queue }, isNew) {
  const lags = remember(seen.lag, queue.lag_seconds, isNew);
  const below = queue.dirty === 0 ? "Every memory has been read." : `${number(queue.dirty)} to be read, ${number(queue.claimed)} being worked on, the oldest due for ${duration(queue.oldest_due_seconds)}`;
  return gauge("Lag", queue.lag_seconds === null ? "–" : duration(queue.lag_seconds), queue.lag_seconds === null ? "nothing applied yet" : "delivery to row",
    line(lags, `Lag ${since(lags)}: now ${duration(queue.lag_seconds)}, at most ${duration(Math.max(...lags))}.`, "", upToNow(lags, duration)), below);
}

function parkedGauge({ parked, queue }, isNew) {
  const counts = remember(seen.parked, parked.memories, isNew);
  return gauge("Parked", number(parked.memories), parked.memories === 1 ? "memory" : "memories",
    line(counts, `Parked memories ${since(counts)}: now ${number(parked.memories)}, at most ${number(Math.max(...counts))}.`, parked.memories > 0 ? "bad" : "", upToNow(counts, number)),
    [parked.memories === 0 ? "Nothing is held up." : `${counted(parked.groups, "cause")} to look at`,
      queue.waiting === 0 ? "" : `${counted(queue.waiting, "memory", "memories")} waiting for a row`,
      queue.blocked === 0 ? "" : `${counted(queue.blocked, "memory", "memories")} blocked by another session's locks, for ${duration(queue.blocked_oldest_seconds)}`].filter(Boolean).join(" "), "#/parked");
}

function budgetGauge({ project, mem0 }, several, isNew) {
  if (!seen.budget.has(project)) seen.budget.set(project, []);
  const rates = remember(seen.budget.get(project), mem0.calls_per_second, isNew);
  const paused = mem0.paused_seconds > 0;
  return gauge(several ? `Mem0 calls, ${project}` : "Mem0 calls", number(mem0.calls_per_second), "a second allowed",
    line(rates, `Calls a second allowed ${since(rates)}: now ${number(mem0.calls_per_second)} of ${number(mem0.most_per_second)}.`, paused ? "warn" : "", upToNow(rates, number)),
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

/** What has just arrived, and what came of it. */
function latest({ deliveries }) {
  return h("section", { class: "panel" },
    h("h2", {}, h("a", { href: to("deliveries") }, "Latest deliveries")),
    deliveries.length === 0 ? h("p", { class: "hint" }, "Nothing has arrived yet.")
      : h("ul", { class: "latest" }, deliveries.map((each) => h("li", {},
        h("a", { href: to(["deliveries", each.id]) }, time(each.received_at, { relative: true })), outcome(each.outcome),
        each.memories.length > 0 ? id(each.memories[0], to(["memories", each.project, each.memories[0]])) : h("span", { class: "faint" }, "no memory"),
        h("span", { class: "faint" }, `${each.verdict}, ${each.project}`)))));
}

/** What holds up most memories. */
function causes({ groups }) {
  return h("section", { class: "panel" },
    h("h2", {}, h("a", { href: to("parked") }, "Top causes")),
    groups.length === 0 ? h("p", { class: "hint" }, "Nothing is parked.")
      : h("ul", { class: "latest" }, groups.slice(0, CAUSES).map((group) => h("li", {},
        h("a", { href: session.may("operator") ? to(["parked", group.group]) : to("parked") }, counted(group.memories, "memory", "memories")),
        h("span", { class: "long" }, group.cause), h("span", { class: "faint" }, `${group.mapping}, since ${ago(group.first_parked_at)}`)))));
}

/** The first minutes of a new bridge: what is done, and what to do next. Gone once the first memory was read. */
function firstSteps(answer, { deliveries }, { memories }) {
  if (memories.length > 0) return null;
  const swept = answer.projects.length > 0 && answer.projects.every(({ last_sweep: sweep }) => sweep !== null);
  const steps = [
    [answer.ready, "The bridge runs and its database answers.", "overview", ""],
    [deliveries.length > 0, "Mem0 tells the bridge of changes.", "webhooks", "Register the webhook: Webhooks, Apply. Then say something to your application."],
    [swept, "A sweep has compared Mem0 with the tables.", "backfills", "Run one: Backfills, Sweep now. It reads what was there before the bridge."],
    [false, "The first memory is read and becomes rows.", "mappings", "Check what a mapping would make of it: Mappings, Preview."],
  ];
  return h("section", { class: "panel first-steps" }, h("h2", {}, "First steps"),
    h("ol", { class: "way" }, steps.map(([done, what, place, hint]) => h("li", { class: done ? "good" : "" },
      h("p", {}, done ? what : h("a", { href: to(place) }, what), h("span", { class: "unseen" }, done ? " Done." : " Still to do.")), done || !hint ? null : h("p", { class: "hint" }, hint)))));
}

function draw({ overview, arrived, parked, memories }) {
  const several = overview.projects.length > 1;
  const isNew = Date.now() - seen.at >= seen.step;
  if (isNew) seen.at = Date.now();
  return [
    health(overview),
    overview.reasons.length === 0 ? null : h("ul", { class: "reasons", "aria-label": "What is not right" }, overview.reasons.map(reason)),
    firstSteps(overview, arrived, memories),
    h("div", { class: "gauges" }, deliveriesGauge(overview), lagGauge(overview, isNew), parkedGauge(overview, isNew),
      overview.projects.map((project) => [budgetGauge(project, several, isNew), sweepGauge(project, several)])),
    h("div", { class: "panels" }, latest(arrived), causes(parked)),
  ];
}

export default function show({ body, actions, query, signal, badge }) {
  let minutes = WINDOWS.some(([value]) => value === query.minutes) ? query.minutes : "60";
  replace(body, loading());
  let recalled = false;
  let anyRead = false;
  const look = async () => {
    try {
      const [answer, recent, arrived, parked, memories] = await Promise.all([
        api.get("overview", { minutes }, signal), recalled ? null : api.get("overview/recent", {}, signal), api.get("deliveries", { limit: LATEST }, signal),
        api.get("parked/groups", {}, signal), anyRead ? { memories: [true] } : api.get("memories", { limit: 1 }, signal)]);
      if (signal.aborted) return;
      if (recent !== null) recall(recent);
      recalled = true;
      anyRead = memories.memories.length > 0;
      redraw(body, draw({ overview: answer, arrived, parked, memories }));
      badge("parked", answer.parked.memories, "parked");
      badge("disagreements", answer.kept.cells, "to decide");
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
}
