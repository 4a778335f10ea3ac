// Scheduled exports and sweeps: when, how far, how it went; and running one now.
import { api, segment } from "../api.js";
import { h, replace, unseen } from "../dom.js";
import { ago, counted, duration, number, time } from "../format.js";
import { done, failed } from "../notify.js";
import { live, redraw } from "../parts/live.js";
import { pager } from "../parts/pager.js";
import { broken, empty, loading } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { runNow, sweepNow } from "./backfill_forms.js";

const EVERY = 1500;
/** A sweep that the bridge began by itself, after a start or a change of the webhook, is called so. */
const askedBy = (run) => (run.scheduled_for ? "its schedule" : run.name.startsWith("catch-up ") ? "the bridge" : "a person");

const KINDS = { export: "export", incremental_sweep: "incremental sweep", full_sweep: "full sweep" };
const TONES = { done: "good", failed: "bad", cancelled: "warn", paused: "warn" };

const state = (run) => h("span", { class: `mark ${TONES[run.state] ?? ""}` }, run.wanted ? `${run.state}, to ${run.wanted}` : run.state);
const unit = (run, count) => (run.kind === "export" ? counted(count, "user") : counted(count, "memory", "memories"));
const repaired = ({ repaired: { added, updated, deleted } }) => added + updated + deleted;

/** How far a run is: the same numbers as on a terminal. */
function progress(run) {
  const words = run.total === null ? `${unit(run, run.done)} so far` : `${number(run.done)} of ${unit(run, run.total)}`;
  const rate = run.per_second > 0 ? `, ${number(run.per_second)} a second` : "";
  const left = run.seconds_left === null || run.state !== "running" ? "" : `, ${duration(run.seconds_left)} left`;
  return h("div", { class: "progress" },
    h("progress", { "aria-label": `Run ${run.id} of ${run.name}`, max: 1, value: run.share ?? undefined }), h("p", {}, words, rate, left));
}

/** A button that asks the API for one thing and looks again; `told(answer)` is what came of it, `of` names what it is about. */
function asking(path, label, of, told, look, tone = "") {
  const button = h("button", { type: "button", class: tone, "data-key": path, on: { click: async () => {
    button.disabled = true;
    try {
      done(told(await api.post(path)));
    } catch (error) {
      failed(error);
    }
    look();
  } } }, label, unseen(` ${of}`));
  return button;
}

const act = (run, what, label, look, tone) => asking(`runs/${run.id}/${what}`, label, `run ${run.id}`,
  (answer) => `Run ${run.id} is ${answer.wanted ? `asked to ${answer.wanted}` : answer.state}.`, look, tone);

const pausing = (backfill, look) => {
  const path = `backfills/${segment(backfill.name)}/`;
  return backfill.paused_at
    ? asking(`${path}resume`, "Resume", `the schedule of ${backfill.name}`, () => `The schedule of ${backfill.name} is in force again.`, look)
    : asking(`${path}pause`, "Pause", `the schedule of ${backfill.name}`, () => `The schedule of ${backfill.name} is paused.`, look);
};

function runActions(run, look) {
  if (!session.may("operator") || !["queued", "running", "paused"].includes(run.state)) return null;
  return h("div", { class: "row-ends" },
    run.state === "paused" || run.wanted === "pause" ? act(run, "resume", "Resume", look) : act(run, "pause", "Pause", look),
    act(run, "cancel", "Cancel", look, "danger"));
}

const activeCard = (run, look) => h("article", { class: "row-card", "data-run": run.id },
  h("h3", {}, h("a", { href: to(["backfills", "runs", run.id]) }, `${run.name} #${run.id}`), " ", state(run), run.dry_run ? h("span", { class: "mark" }, "dry run") : null),
  progress(run), run.error ? h("p", { class: "hint" }, run.error) : null, runActions(run, look));

const schedules = (backfills, look) => (backfills.length === 0 ? empty("None is configured.", "Add exports and sweeps under backfill in membridge.yaml; a full sweep a week repairs whatever was lost.")
  : table("Configured exports and sweeps", [
    { label: "Name", narrow: "title", cell: (each) => each.name },
    { label: "What", cell: (each) => [KINDS[each.kind], each.mapping ? [" of ", h("a", { href: to(["mappings", each.mapping]) }, each.mapping)] : null] },
    { label: "Project", cell: (each) => each.project },
    { label: "Schedule", cell: (each) => [h("span", { class: "mono" }, each.schedule), h("span", { class: "faint" }, ` ${each.timezone}`)] },
    { label: "Next", cell: (each) => (each.paused_at ? h("span", { class: "mark warn" }, "paused ", ago(each.paused_at)) : time(each.next_at, { relative: true })) },
    { label: "Last", cell: (each) => (each.last ? [state(each.last), " ", time(each.last.finished_at ?? each.last.queued_at, { relative: true })] : "never") },
    ...(session.may("operator") ? [{ label: "", cell: (each) => h("div", { class: "row-ends" },
      h("button", { type: "button", "data-key": `run ${each.name}`, on: { click: () => runNow(each, look) } }, "Run now…", unseen(` ${each.name}`)), pausing(each, look)) }] : []),
  ], backfills));

const history = (runs) => (runs.length === 0 ? empty("Nothing has run yet.")
  : table("Runs, newest first", [
    { label: "Run", narrow: "title", cell: (each) => h("a", { href: to(["backfills", "runs", each.id]) }, `${each.name} #${each.id}`) },
    { label: "State", cell: (each) => [state(each), each.dry_run ? " dry" : ""] },
    { label: "Asked by", cell: (each) => askedBy(each) },
    { label: "Began", cell: (each) => time(each.started_at ?? each.queued_at) },
    { label: "Took", class: "num", cell: (each) => (each.started_at && each.finished_at ? duration((new Date(each.finished_at) - new Date(each.started_at)) / 1000) : "–") },
    { label: "Looked at", class: "num", cell: (each) => number(each.done) },
    { label: "Repaired", class: "num", cell: (each) => (each.kind === "export" ? "–" : number(repaired(each))) },
  ], runs));

function overview({ body, actions, query, signal }) {
  replace(body, loading());
  let drawn = "";
  const look = async () => {
    try {
      const [{ backfills }, newest, page] = await Promise.all([api.get("backfills", {}, signal), api.get("runs", { limit: 25 }, signal),
        query.cursor ? api.get("runs", { limit: 25, cursor: query.cursor }, signal) : null]);
      const { runs, next } = page ?? newest;
      if (signal.aborted) return;
      // What is the same is left alone, so that text can be selected while nothing moves.
      const now = JSON.stringify([backfills, newest, page]);
      if (now === drawn) return;
      drawn = now;
      const active = newest.runs.filter((run) => ["queued", "running", "paused"].includes(run.state));
      redraw(body, h("div", { class: "stack" },
        active.length > 0 ? h("section", {}, h("h2", {}, "Under way"), h("div", { class: "causes" }, active.map((run) => activeCard(run, look)))) : null,
        h("section", {}, h("h2", {}, "Schedules"), schedules(backfills, look)),
        h("section", {}, h("h2", {}, "Runs"), history(runs), pager("backfills", query, next))));
    } catch (error) {
      drawn = "";
      if (!signal.aborted) replace(body, broken(error, look));
    }
  };
  replace(actions, live(look, EVERY, signal), session.may("operator") ? h("button", { type: "button", class: "primary", on: { click: () => sweepNow(look) } }, "Sweep now…") : null);
}

function oneRun({ body, actions, parts: [, run], signal, call }) {
  call(`Run ${run}`);
  replace(body, loading());
  const look = async () => {
    try {
      const answer = await api.get(`runs/${segment(run)}`, {}, signal);
      if (signal.aborted) return;
      redraw(body, h("div", { class: "stack" },
        h("section", {}, progress(answer), runActions(answer, look)),
        answer.error ? h("p", { class: "callout bad" }, answer.error) : null,
        facts([["State", state(answer)], ["Backfill", answer.name], ["What", KINDS[answer.kind]], ["Project", answer.project], ["Dry run", answer.dry_run ? "yes: it only looks and counts" : null], ["Asked by", askedBy(answer)],
          ["Queued", time(answer.queued_at)], ["Began", answer.started_at ? time(answer.started_at) : null], ["Ended", answer.finished_at ? time(answer.finished_at) : null]]),
        h("section", {}, h("h2", {}, "Counted"), Object.keys(answer.counters).length === 0 ? empty("Nothing yet.") : facts(Object.entries(answer.counters).map(([name, count]) => [name.replaceAll("_", " "), number(count)])))));
    } catch (error) {
      if (!signal.aborted) replace(body, broken(error, look));
    }
  };
  replace(actions, live(look, EVERY, signal), h("a", { class: "button", href: "#/backfills" }, "All backfills"));
}

export default (context) => (context.parts[0] === "runs" ? oneRun(context) : overview(context));
