// How the bridge is doing, at a glance and live.
import { api } from "../api.js";
import { legend, line, lines, stack, strip } from "../charts.js";
import { h, replace } from "../dom.js";
import { ago, counted, duration, id, number, span, time } from "../format.js";
import { select } from "../parts/form.js";
import { live, redraw } from "../parts/live.js";
import { outcome } from "../parts/outcome.js";
import { broken, loading } from "../parts/states.js";
import { amend, to } from "../router.js";
import { session } from "../session.js";

const EVERY = 2000;
const RECENT_EVERY = 10_000; // the bridge looks at itself as often
const POINTED_FOR = 5000;
const RARE = 60_000; // for windows that come from the state
const DAY = 1440; // minutes
const WINDOWS = [["15", "15 minutes"], ["60", "an hour"], ["360", "6 hours"], ["1440", "a day"], ["10080", "7 days"]];
const QUANTILES = [["p50", "p50", "half"], ["p95", "p95", "most"], ["p99", "p99", "rare"]];
const OUTCOMES = [["applied", "applied", "added"], ["unchanged", "unchanged", "same"], ["withdrawn", "withdrawn", "taken"], ["retried", "tried again", "updated"], ["parked", "parked", "deleted"]];

const known = (list) => list.map((value) => value ?? 0);
const most = (list) => Math.max(0, ...list);
const ofProject = (recent, name) => recent.projects.find(({ project }) => project === name) ?? { calls_per_second: [], used_per_second: [] };

/** The axis of a list that ends now, for places that read as `words`. */
const upToNow = (length, step, words) => ({ from: length > 1 ? `${duration((length - 1) * step)} ago` : "", to: "now",
  at: (place) => `${words(place)}, ${place === length - 1 ? "now" : `${duration((length - 1 - place) * step)} ago`}` });
const since = (length, step) => `over the last ${duration(Math.max(0, length - 1) * step)}`;

const clock = (instant) => new Date(instant).toLocaleTimeString("sv", { hour: "2-digit", minute: "2-digit" });

function gauge(title, value, unit, chart, below, href) {
  return h("section", { class: "gauge" },
    h("h2", {}, href ? h("a", { href }, title) : title),
    h("p", { class: "figure" }, value, unit ? h("span", { class: "unit" }, ` ${unit}`) : null),
    chart, h("p", { class: "below" }, below));
}

/** Of a week the state keeps hours; of less the journal itself is counted. */
function deliveriesOfWeek({ deliveries: counts, step_seconds: step }, { per_second: rate }) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return gauge("Deliveries", number(rate), "a second",
    line(counts, `Deliveries ${since(counts.length, step)}, at most ${number(most(counts))} in one ${span(step)}.`, "", upToNow(counts.length, step, (at) => number(counts[at]))),
    `${number(total)} ${since(counts.length, step)}, at most ${number(most(counts))} in one ${span(step)}`, "#/deliveries");
}

function deliveriesGauge({ deliveries }, recent) {
  if (recent.source === "state" && recent.step_seconds >= 3600) return deliveriesOfWeek(recent, deliveries);
  const counts = deliveries.series.map((point) => point.count);
  const most = Math.max(0, ...counts);
  return gauge("Deliveries", number(deliveries.per_second), "a second",
    line(counts, `Deliveries over the last ${span(deliveries.window_seconds)}, at most ${number(most)} in one ${span(deliveries.step_seconds)}.`, "",
      { from: `${duration(deliveries.window_seconds)} ago`, to: "now", at: (place) => `${number(counts[place])} from ${clock(deliveries.series[place].at)}` }),
    `${number(deliveries.total)} in the last ${span(deliveries.window_seconds)}, at most ${number(most)} in one ${span(deliveries.step_seconds)}`, "#/deliveries");
}

function lagGauge({ queue }, { lag: recent, whole: lag, step_seconds: step }) {
  const count = recent.p50.length;
  const told = (at) => QUANTILES.map(([name, label]) => `${label} ${duration(recent[name][at])}`).join(" · ");
  const below = queue.dirty === 0 ? "Every memory has been read." : `${number(queue.dirty)} to be read, ${number(queue.claimed)} being worked on, the oldest due for ${duration(queue.oldest_due_seconds)}`;
  const words = lag.memories === 0 ? `No delivery changed a row ${since(count, step)}.`
    : `Delivery to row ${since(count, step)}: half within ${duration(lag.p50_seconds)}, 95 of 100 within ${duration(lag.p95_seconds)}, 99 of 100 within ${duration(lag.p99_seconds)}.`;
  return gauge("Delivery to row", duration(lag.p95_seconds), lag.memories === 0 ? "no row changed yet" : "for 95 of 100",
    [lines(QUANTILES.map(([name, , tone]) => ({ values: recent[name], tone })), words, upToNow(count, step, (at) => (recent.p50[at] === null ? "nothing" : told(at)))),
      legend(QUANTILES.map(([name, label, tone]) => ({ label: `${label} ${duration(lag[`${name}_seconds`])}`, tone })))], below);
}

function parkedGauge({ parked, queue }, { parked: recent, step_seconds: step }) {
  const counts = [...known(recent).slice(1), parked.memories];
  return gauge("Parked", number(parked.memories), parked.memories === 1 ? "memory" : "memories",
    line(counts, `Parked memories ${since(counts.length, step)}: now ${number(parked.memories)}, at most ${number(most(counts))}.`, parked.memories > 0 ? "bad" : "", upToNow(counts.length, step, (at) => number(counts[at]))),
    [parked.memories === 0 ? "Nothing is held up." : `${counted(parked.groups, "cause")} to look at`,
      queue.waiting === 0 ? "" : `${counted(queue.waiting, "memory", "memories")} waiting for a row`,
      queue.blocked === 0 ? "" : `${counted(queue.blocked, "memory", "memories")} blocked by another session's locks, for ${duration(queue.blocked_oldest_seconds)}`].filter(Boolean).join(" "), "#/parked");
}

function budgetGauge({ project, mem0 }, several, recent) {
  const { calls_per_second: before, used_per_second: used } = ofProject(recent, project);
  const allowed = used.length > 0 ? known(before) : [...known(before), mem0.calls_per_second];
  const step = recent.step_seconds;
  const paused = mem0.paused_seconds > 0;
  const minute = used.slice(-Math.ceil(60 / step));
  const now = minute.reduce((sum, rate) => sum + rate, 0) / Math.max(1, minute.length);
  const below = paused ? `Mem0 asked to wait: ${duration(mem0.paused_seconds)} more` : `${number(mem0.calls_per_second)} a second allowed, of ${number(mem0.most_per_second)} at most`;
  const title = several ? `Mem0 calls, ${project}` : "Mem0 calls";
  if (used.length === 0) return gauge(title, number(mem0.calls_per_second), "a second allowed", line(allowed, `Calls a second allowed: now ${number(mem0.calls_per_second)} of ${number(mem0.most_per_second)}.`, paused ? "warn" : "", upToNow(allowed.length, step, (at) => number(allowed[at]))), below);
  return gauge(title, number(now), "a second in the last minute",
    [lines([{ values: used, tone: "half" }, { values: allowed, tone: "rare" }], `Calls a second ${since(used.length, step)}: now ${number(now)} of ${number(mem0.calls_per_second)} allowed.`, upToNow(used.length, step, (at) => `${number(used[at])} of ${number(allowed[at])} allowed`)),
      legend([{ label: `made ${number(now)}`, tone: "half" }, { label: `allowed ${number(mem0.calls_per_second)}`, tone: "rare" }])], below);
}

/** How long a bar of outcomes is: a minute, or so that about a hundred fit. */
const barOf = (seconds, step) => (step < 60 ? 60 : seconds <= 6 * 3600 ? step : Math.max(step, 900));

/** What became of the memories that were claimed, a bar for each span. */
function outcomes({ source, outcomes: recent, step_seconds: step }) {
  const whole = recent.applied.length;
  const bar = barOf((whole - 1) * step, step);
  const steps = Math.max(1, Math.round(bar / step));
  const bars = Math.max(1, Math.ceil(whole / steps));
  const perBar = (list) => Array.from({ length: bars }, (_, at) => list.slice(Math.max(0, whole - (bars - at) * steps), whole - (bars - at - 1) * steps).reduce((sum, count) => sum + count, 0));
  const series = OUTCOMES.map(([name, label, tone]) => ({ label, tone, values: perBar(recent[name]) }));
  const sums = series.map(({ label, values }) => [label, values.reduce((sum, count) => sum + count, 0)]);
  const told = (pairs) => pairs.filter(([, count]) => count > 0).map(([label, count]) => `${number(count)} ${label}`).join(", ") || "nothing";
  return h("section", { class: "panel wide" }, h("h2", {}, "What became of memories"),
    stack(series, `What became of memories ${since(bars + 1, bar)}: ${told(sums)}.`, upToNow(bars, bar, (at) => told(series.map(({ label, values }) => [label, values[at]])))),
    legend(series.map(({ label, tone }, at) => ({ label: `${label} ${number(sums[at][1])}`, tone }))),
    h("p", { class: "below" }, source === "state" ? `Of all processes, a bar for each ${span(bar)}. A week is kept.` : `Of this process since it began, a bar for each ${span(bar)}. Longer spans are of all processes.`));
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
function latest(deliveries) {
  return h("section", { class: "panel" },
    h("h2", {}, h("a", { href: to("deliveries") }, "Latest deliveries")),
    deliveries.length === 0 ? h("p", { class: "hint" }, "Nothing has arrived yet.")
      : h("ul", { class: "latest" }, deliveries.map((each) => h("li", {},
        h("a", { href: to(["deliveries", each.id]) }, time(each.received_at, { relative: true })), outcome(each.outcome),
        each.memories.length > 0 ? id(each.memories[0], to(["memories", each.project, each.memories[0]])) : h("span", { class: "faint" }, "no memory"),
        h("span", { class: "faint" }, `${each.verdict}, ${each.project}`)))));
}

/** What holds up most memories. */
function causes(groups) {
  return h("section", { class: "panel" },
    h("h2", {}, h("a", { href: to("parked") }, "Top causes")),
    groups.length === 0 ? h("p", { class: "hint" }, "Nothing is parked.")
      : h("ul", { class: "latest" }, groups.map((group) => h("li", {},
        h("a", { href: session.may("operator") ? to(["parked", group.group]) : to("parked") }, counted(group.memories, "memory", "memories")),
        h("span", { class: "long" }, group.cause), h("span", { class: "faint" }, `${group.mapping}, since ${ago(group.first_parked_at)}`)))));
}

/** The first minutes of a new bridge: what is done, and what to do next. Gone once the first memory was read. */
function firstSteps(answer) {
  if (answer.has_memories) return null;
  const swept = answer.projects.length > 0 && answer.projects.every(({ last_sweep: sweep }) => sweep !== null);
  const steps = [
    [answer.ready, "The bridge runs and its database answers.", "overview", ""],
    [answer.latest.length > 0, "Mem0 tells the bridge of changes.", "webhooks", "Register the webhook: Webhooks, Apply. Then say something to your application."],
    [swept, "A sweep has compared Mem0 with the tables.", "backfills", "Run one: Backfills, Sweep now. It reads what was there before the bridge."],
    [false, "The first memory is read and becomes rows.", "mappings", "Check what a mapping would make of it: Mappings, Preview."],
  ];
  return h("section", { class: "panel first-steps" }, h("h2", {}, "First steps"),
    h("ol", { class: "way" }, steps.map(([done, what, place, hint]) => h("li", { class: done ? "good" : "" },
      h("p", {}, done ? what : h("a", { href: to(place) }, what), h("span", { class: "unseen" }, done ? " Done." : " Still to do.")), done || !hint ? null : h("p", { class: "hint" }, hint)))));
}

function draw(overview, recent) {
  const several = overview.projects.length > 1;
  return [
    health(overview),
    overview.reasons.length === 0 ? null : h("ul", { class: "reasons", "aria-label": "What is not right" }, overview.reasons.map(reason)),
    firstSteps(overview),
    h("div", { class: "gauges" }, deliveriesGauge(overview, recent), lagGauge(overview, recent), parkedGauge(overview, recent),
      overview.projects.map((project) => [budgetGauge(project, several, recent), sweepGauge(project, several)])),
    h("div", { class: "panels" }, outcomes(recent), latest(overview.latest), causes(overview.causes)),
  ];
}

export default function show({ body, actions, query, signal, badge }) {
  let minutes = WINDOWS.some(([value]) => value === query.minutes) ? query.minutes : "60";
  replace(body, loading());
  let recent = null;
  let recentAt = 0;
  let pointedAt = 0;
  body.addEventListener("pointermove", (event) => {
    if (event.target.closest(".chart")) pointedAt = Date.now();
  }, { signal });
  const look = async () => {
    try {
      const isOld = Date.now() - recentAt >= (minutes > 60 ? RARE : RECENT_EVERY);
      const [answer, newer] = await Promise.all([api.get("overview", { minutes: Math.min(minutes, DAY) }, signal), isOld ? api.get("overview/recent", { minutes }, signal) : recent]);
      if (signal.aborted) return;
      if (isOld) recentAt = Date.now();
      recent = newer;
      if (Date.now() - pointedAt > POINTED_FOR) redraw(body, draw(answer, recent)); // or what one reads would go away
      badge("parked", answer.parked.memories, "parked");
      badge("disagreements", answer.kept.cells, "to decide");
    } catch (error) {
      if (!signal.aborted) replace(body, broken(error, look));
    }
  };
  const choice = select("minutes", WINDOWS, minutes, { "aria-label": "Over the last", on: { change: () => {
    minutes = choice.value;
    recentAt = 0;
    amend("overview", { minutes });
    look();
  } } });
  replace(actions, h("div", { class: "inline" }, choice), live(look, EVERY, signal));
}
