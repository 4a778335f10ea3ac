// The tables of self-hosted projects: how changes are found, as the bridge told last, and as the table is now.
import { api, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { ago, counted, number, time } from "../format.js";
import { announce } from "../notify.js";
import { live } from "../parts/live.js";
import { empty, load } from "../parts/states.js";
import { facts } from "../parts/table.js";
import { to } from "../router.js";
import { session } from "../session.js";

const EVERY = 2000;
const MODES = {
  live: ["by the change log", "good", "Every change is noted in the transaction that makes it, and read within milliseconds."],
  polling: ["by polling", "warn", "The table has no working change log, so the bridge looks at times and sweeps in between. Deletions are found by sweeps."],
  away: ["not at all", "bad", "The table cannot be read. What changes meanwhile is found once it can."],
  unknown: ["not told yet", "", "The bridge has not looked yet."],
};

const mark = (mode) => {
  const [word, tone] = MODES[mode] ?? [mode, ""];
  return h("span", { class: `mark ${tone}` }, word);
};

/** What a look at the table itself found. */
function checked(answer) {
  return h("div", { class: `callout ${answer.mode === "live" ? "good" : answer.mode === "away" ? "bad" : ""}` },
    h("p", {}, h("b", {}, "As the table is now: "), mark(answer.mode), ` ${answer.message}.`),
    facts([["Table", h("span", { class: "mono" }, answer.table)], ["Triggers on", `${number(answer.triggers)} of 4`], ["Read as role", answer.role || "unknown"], ["Rights it lacks", answer.lacking.length === 0 ? null : answer.lacking.join(", ")]]),
    answer.install_sql === null ? null : [
      h("p", { class: "gap" }, answer.lacking.length === 0 ? "membridge source install does it, or whoever owns the table runs this:" : "Whoever owns the table can run this; the bridge finds the log by itself then:"),
      h("pre", { class: "text", tabindex: 0, "aria-label": "SQL that installs the change log" }, answer.install_sql)]);
}

function card({ project, source, catching_up: missed, last_sweep: sweep }, found, check) {
  const [, , why] = MODES[source.mode] ?? ["", "", ""];
  return h("article", { class: "row-card", "aria-label": project },
    h("h3", {}, project, " ", mark(source.mode)),
    h("p", { class: "hint" }, why),
    source.message ? h("div", { class: "callout bad" }, h("p", {}, source.message), source.hint ? h("p", { class: "hint" }, source.hint) : null) : null,
    facts([["Told", source.told_at ? time(source.told_at, { relative: true }) : "not yet"], ["In the change log", source.mode === "live" ? counted(source.log_entries, "entry", "entries") : null],
      ["Still looked for", missed ? missed.reason : "nothing"],
      ["Last sweep", sweep ? h("a", { href: to(["backfills", "runs", String(sweep.run)]) }, `${ago(sweep.finished_at)}, ${counted(sweep.seen, "memory", "memories")} looked at, ${number(sweep.repaired.added + sweep.repaired.updated + sweep.repaired.deleted)} repaired`) : "none yet"]]),
    found, session.may("operator") ? h("div", { class: "row-ends" }, h("button", { type: "button", "data-key": `check-${project}`, on: { click: check } }, "Check the table now")) : null);
}

export default function show({ body, actions, signal }) {
  if (session.who.self_hosted.length === 0) {
    return void replace(body, empty("Every project is at Mem0’s Platform.", "A project with source: {postgres: URL, table: public.memories} reads the table of a Mem0 on your own server; it needs no webhook."));
  }
  const box = h("div");
  const found = new Map(session.who.self_hosted.map((project) => [project, h("div")]));
  const check = (project) => load(found.get(project), () => api.get(`projects/${segment(project)}/source`, {}, signal), (answer) => {
    announce(`${project}: ${answer.message}`);
    return checked(answer);
  }, signal);
  const look = () => load(box, () => api.get("overview", {}, signal), ({ projects }) => h("div", { class: "causes" },
    projects.filter(({ source }) => source !== null).map((each) => card(each, found.get(each.project), () => check(each.project)))), signal);
  replace(body, box);
  replace(actions, live(look, EVERY, signal));
}
