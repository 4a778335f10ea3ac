// What the bridge knows of Mem0's memories, and which rows each speaks for.
import { api, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { id, number, plain, time } from "../format.js";
import { filters } from "../parts/filters.js";
import { field, input, select } from "../parts/form.js";
import { pager } from "../parts/pager.js";
import { empty, load } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { keyOf, to } from "../router.js";
import { session } from "../session.js";
import { deliveryTable } from "./deliveries.js";
import { memoryActions, outcomeOf } from "./memory_actions.js";

const tones = { live: "good", gone: "bad", expired: "warn", superseded: "warn" };
const state = (text) => h("span", { class: `mark ${tones[text] ?? ""}` }, text);

function list({ body, query, signal }) {
  const box = h("div");
  const draw = (asked) => load(box, () => api.get("memories", { ...asked, limit: 50 }, signal), (page) => {
    if (page.memories.length === 0) return empty(asked.user || asked.memory || asked.project ? "No memory fits." : "No memory has been read yet.", "A memory appears here once a delivery or a sweep has told of it and it was read.");
    return [table("Memories", [
      { label: "Memory", narrow: "title", cell: (each) => id(each.memory, to(["memories", each.project, each.memory])) },
      { label: "State", cell: (each) => state(each.state) },
      { label: "User", cell: (each) => each.user ?? h("span", { class: "faint" }, "none") },
      { label: "Project", cell: (each) => each.project },
      { label: "Updated", cell: (each) => time(each.updated_at) },
      { label: "Read", cell: (each) => time(each.read_at, { relative: true }) },
    ], page.memories, { rowHref: (each) => to(["memories", each.project, each.memory]) }), pager("memories", asked, page.next, { forward: "More", start: "First" })];
  }, signal);
  replace(body, filters("memories", {
    project: field("Project", select("project", [["", "Any"], ...session.who.projects], query.project)),
    memory: field("Memory id", input("memory", query.memory, { placeholder: "begins with" })),
    user: field("User", input("user", query.user, { placeholder: "user_id" })),
  }, draw), box);
  draw(query);
}

/** A section whose content is asked for by itself, so that what fails does not take the rest along. */
function part(title, ask, render, signal) {
  const box = h("div");
  load(box, ask, render, signal);
  return h("section", {}, h("h2", {}, title), box);
}

function lineageRow(row) {
  const key = keyOf(row.identity);
  return h("article", { class: "row-card" },
    h("h3", {}, h("a", { href: to("why", { table: row.table, key, target: row.target }) }, `${row.table} ${key}`), row.gone ? h("span", { class: "mark warn" }, "row is gone") : null,
      h("span", { class: "faint" }, ` ${row.created_by_bridge ? "made by the bridge" : "found"}, by `, h("a", { href: to(["mappings", row.mapping]) }, row.mapping), ` · ${row.row}${row.item ? ` for ${row.item}` : ""}`)),
    row.cells.length === 0 ? h("p", { class: "hint" }, "It stands for the row itself and says nothing of its cells.")
      : table(`What it says of ${row.table} ${key}`, [
        { label: "Cell", cell: (cell) => h("a", { class: "mono", href: to("why", { table: row.table, key, column: cell.cell, target: row.target }) }, cell.cell) },
        { label: "It says", class: "long", cell: (cell) => plain(cell.value) },
      ], row.cells));
}

const lineage = ({ rows }) => (rows.length === 0 ? empty("No row comes of it.", "Its mappings say nothing of this memory, or it has not been applied yet.") : h("div", { class: "causes" }, rows.map(lineageRow)));

const history = ({ versions }) => (versions.length === 0 ? empty("Mem0 keeps no history of it.")
  : table("Versions, oldest first", [
    { label: "At", narrow: "title", cell: (each) => time(each.at) },
    { label: "Event", cell: (each) => h("span", { class: "mark" }, each.event) },
    { label: "Before", class: "long", narrow: "wide", cell: (each) => each.old_text ?? h("span", { class: "faint" }, "–") },
    { label: "After", class: "long", narrow: "wide", cell: (each) => each.new_text ?? h("span", { class: "faint" }, "–") },
  ], versions));

const record = (answer) => (answer.record === null ? empty("It is gone: nothing is kept of what it said.")
  : h("pre", { class: "text", tabindex: 0, "aria-label": "Record" }, JSON.stringify(answer.record, null, 2)));

function standing(answer) {
  return [
    answer.dirty ? h("div", { class: "callout" }, h("p", {}, `To be read again (${answer.dirty.reason}), due `, time(answer.dirty.due_at, { relative: true }), `, tried ${number(answer.dirty.attempts)} times.`), answer.dirty.last_error ? h("p", { class: "hint" }, answer.dirty.last_error) : null) : null,
    answer.parked.map((each) => h("div", { class: "callout bad" }, h("p", {}, `Parked by ${each.mapping} (${each.code}) at ${each.place}. `,
      session.may("operator") ? h("a", { href: to(["parked", each.group]) }, "See the cause and retry") : null))),
  ];
}

function detail({ body, actions, parts: [project, memory], signal, call, again }) {
  call("Memory");
  const path = `projects/${segment(project)}/memories/${segment(memory)}`;
  replace(actions, h("a", { class: "button", href: "#/memories" }, "All memories"), session.may("operator") ? h("a", { class: "button", href: to("mappings", { memory, project }) }, "Preview it…") : null, memoryActions(project, memory, { again }));
  load(body, () => api.get(path, {}, signal), (answer) => h("div", { class: "stack" },
    outcomeOf(project, memory),
    standing(answer),
    facts([["State", state(answer.state)], ["In the tables", answer.applied ? "as it was read" : "not yet"], ["User", answer.user ?? "none"], ["Project", answer.project], ["Updated", time(answer.updated_at)],
      ["Read", time(answer.read_at)], ["Gone", answer.gone_at ? time(answer.gone_at) : null], ["Holds until", answer.expires_on], ["Id", h("span", { class: "mono" }, answer.memory)]]),
    session.may("operator") ? [
      part("Rows it speaks for", () => api.get(`${path}/lineage`, {}, signal), lineage, signal),
      part("Record, as last read", () => api.get(`${path}/record`, {}, signal), record, signal),
      session.isSelfHosted(project) ? null : part("Versions, as Mem0 keeps them", () => api.get(`${path}/history`, {}, signal), history, signal)] : h("p", { class: "hint" }, "What it says is shown to operators."),
    h("section", {}, h("h2", {}, "Deliveries that name it"), answer.deliveries.length === 0 ? empty("None is kept.", "A sweep told of it, or retention has dropped them.") : deliveryTable("The newest deliveries that name it", answer.deliveries))), signal);
}

export default (context) => (context.parts.length > 1 ? detail(context) : list(context));
