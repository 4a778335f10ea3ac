// What cannot be applied as things stand, by cause.
import { api } from "../api.js";
import { h, replace } from "../dom.js";
import { ago, counted, id, number, plain, time } from "../format.js";
import { done, failed } from "../notify.js";
import { ask } from "../parts/dialog.js";
import { countedAction } from "../parts/counted_action.js";
import { pager } from "../parts/pager.js";
import { empty, load } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { to } from "../router.js";
import { session } from "../session.js";

const memories = (count) => counted(count, "memory", "memories");
const count = (answer) => answer.memories;

const retry = (filter) => countedAction("parked/retry", filter, { count, words: (n) => ({
  title: `Retry ${memories(n)}?`,
  body: "Each is read again and applied as if it had just arrived. What still cannot be applied is parked again.",
  confirm: "Retry",
  done: `${memories(n)} will be tried again.`,
  none: "Nothing of this is parked any more.",
}) });

const drop = (filter) => countedAction("parked/drop", filter, { count, words: (n) => ({
  title: `Drop ${memories(n)}?`,
  body: "They are forgotten here without being applied. Their next delivery or a full sweep may park them again. Nothing is deleted at Mem0 or in your tables.",
  confirm: `Drop ${memories(n)}`,
  tone: "danger",
  done: `${memories(n)} dropped.`,
  none: "Nothing of this is parked any more.",
}) });

/** A button that runs one of the two and looks again when it was done. */
const acting = (label, act, filter, again, tone = "") => h("button", { type: "button", class: tone, on: { click: async () => {
  if (await act(filter)) again();
} } }, label);

const placeLink = (mapping, place) => {
  const at = Number(place.split(":").at(-1));
  return h("a", { href: to(["mappings", mapping], { line: Number.isInteger(at) ? at : "" }) }, place.split("/").at(-1) || mapping);
};

function groupCard(group, again) {
  return h("article", { class: "cause", "aria-label": `${memories(group.memories)}: ${group.cause}` },
    h("p", { class: "cause-count" }, number(group.memories), h("span", { class: "unit" }, group.memories === 1 ? "memory" : "memories")),
    h("div", { class: "cause-what" },
      h("h2", {}, group.cause),
      group.hint ? h("p", { class: "hint" }, group.hint) : null,
      h("p", { class: "cause-where" }, h("span", { class: "mark bad" }, group.code), " at ", placeLink(group.mapping, group.place), ` · project ${group.project}`,
        group.sqlstate ? ` · SQLSTATE ${group.sqlstate}` : "", ` · since ${ago(group.first_parked_at)}, last tried ${ago(group.last_tried_at)}`),
      session.may("operator") ? h("div", { class: "row-ends" },
        acting("Retry this group…", retry, { group: group.group }, again),
        h("a", { class: "button", href: to(["parked", group.group]) }, "Show the memories"),
        acting("Drop…", drop, { group: group.group }, again, "danger")) : null));
}

/** What is not parked, but held up by somebody's lock: told first, because the remedy is another. */
const blockedSection = ({ blocked, memories: rows }) => (blocked === 0 ? null : h("section", { class: "stack" },
  h("h2", {}, "Blocked"),
  h("p", { class: "hint" }, `${memories(blocked)} ${blocked === 1 ? "waits" : "wait"} because another session holds a lock, and ${blocked === 1 ? "is" : "are"} tried again every few seconds. `
    + "End the transaction that holds the rows: pg_stat_activity and pg_blocking_pids() tell which."),
  table("Blocked memories", [
    { label: "Memory", narrow: "title", cell: (each) => id(each.memory, to(["memories", each.project, each.memory])) },
    { label: "Cause", class: "long", narrow: "wide", cell: (each) => each.cause },
    { label: "Tries", class: "num", cell: (each) => number(each.attempts) },
    { label: "Blocked since", cell: (each) => time(each.blocked_since, { relative: true }) },
  ], rows)));

function groups({ body, actions, signal, again, badge }) {
  load(body, () => Promise.all([api.get("parked/groups", {}, signal), api.get("parked/blocked", {}, signal)]), ([answer, held]) => {
    const total = answer.groups.reduce((sum, group) => sum + group.memories, 0);
    badge("parked", total, "parked");
    const link = h("button", { type: "button", on: { click: again } }, "Look again");
    replace(actions, link);
    if (total === 0 && held.blocked > 0) return blockedSection(held);
    if (total === 0) return empty("Nothing is parked.", "Every memory Mem0 has told of stands in the tables as its mapping says.");
    return [blockedSection(held), h("p", { class: "sum" }, `${memories(total)} in ${counted(answer.groups.length, "group")}, the largest first`),
      h("div", { class: "causes" }, answer.groups.map((group) => groupCard(group, again)))];
  }, signal);
}

const AMBIGUOUS = "21000"; // several rows match where one is meant

/** The rows that match, side by side, and a button for each. */
async function askWhichRow({ project, memory, mapping }, again) {
  const found = await api.get("parked/candidates", { project, memory, mapping }).catch((error) => failed(error));
  if (!found) return again();
  const names = [...new Set(found.candidates.flatMap(({ values }) => Object.keys(values ?? {})))];
  const of = (candidate, name) => candidate.values?.[name] ?? null;
  const differing = names.filter((name) => new Set(found.candidates.map((candidate) => JSON.stringify(of(candidate, name)))).size > 1);
  const choose = (candidate) => async (event) => {
    const dialog = event.target.closest("dialog");
    try {
      const answer = await api.post("parked/choose", { project, memory, mapping: found.mapping, key: candidate.key });
      done(`This user’s memories mean ${found.table} ${candidate.key} from now on. ${memories(answer.memories)} ${answer.memories === 1 ? "is" : "are"} applied again.`);
    } catch (error) {
      failed(error);
    }
    dialog.close();
  };
  const shown = (cell) => (cell === null ? h("span", { class: "faint" }, "null") : plain(cell));
  await ask({ title: "Which row is meant?", body: [
    h("p", {}, `${found.candidates.length} rows of ${found.table} match what this memory says. Your choice is remembered for its user and the mapping ${found.mapping}.`),
    table("The rows that match", [
      { label: "Column", narrow: "title", cell: (name) => h("span", { class: "mono" }, name) },
      ...found.candidates.map((candidate) => ({ label: candidate.key, class: "long", cell: (name) => shown(of(candidate, name)) })),
    ], differing),
    h("div", { class: "row-ends" }, found.candidates.map((candidate) => h("button", { type: "button", on: { click: choose(candidate) } }, `This one: ${candidate.key}`))),
  ] });
  again();
}

const memoryTable = (rows, again) =>  table("Parked memories", [
  { label: "Memory", narrow: "title", cell: (each) => id(each.memory, to(["memories", each.project, each.memory])) },
  { label: "Cause", class: "long", narrow: "wide", cell: (each) => each.cause },
  { label: "Tries", class: "num", cell: (each) => number(each.attempts) },
  { label: "Last tried", cell: (each) => time(each.tried_at, { relative: true }) },
  { label: "", cell: (each) => h("div", { class: "row-ends" },
    each.sqlstate === AMBIGUOUS ? h("button", { type: "button", class: "primary", on: { click: () => askWhichRow(each, again) } }, "Choose the row…") : null,
    acting("Retry…", retry, { group: each.group, memory: each.memory }, again), acting("Drop…", drop, { group: each.group, memory: each.memory }, again, "danger")) },
], rows);

function members({ body, actions, parts: [group], query, signal, again, call }) {
  call("Parked memories of one cause");
  replace(actions, h("a", { class: "button", href: "#/parked" }, "All causes"), acting("Retry this group…", retry, { group }, again), acting("Drop…", drop, { group }, again, "danger"));
  const both = () => Promise.all([api.get("parked/groups", { group }, signal), api.get("parked", { group, limit: 50, cursor: query.cursor }, signal)]);
  load(body, both, ([{ groups: [cause] }, page]) => {
    if (!cause) return empty("Nothing of this cause is parked any more.");
    return h("div", { class: "stack" },
      h("section", {}, h("h2", {}, cause.cause), cause.hint ? h("p", { class: "hint gap" }, cause.hint) : null,
        facts([["Memories", number(cause.memories)], ["Code", cause.code], ["Mapping", placeLink(cause.mapping, cause.place)], ["Project", cause.project],
          ["SQLSTATE", cause.sqlstate || null], ["First parked", time(cause.first_parked_at)], ["Last tried", time(cause.last_tried_at)]])),
      h("section", {}, h("h2", {}, "Memories"), memoryTable(page.memories, again), pager(["parked", group], query, page.next, { forward: "More", start: "First" })));
  }, signal);
}

export default (context) => (context.parts.length > 0 && session.may("operator") ? members(context) : groups(context));
