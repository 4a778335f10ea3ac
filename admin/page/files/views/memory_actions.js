// What a person does to one memory at Mem0: edit, delete, feedback. Each is followed until the memory's rows have changed.
import { api, segment } from "../api.js";
import { h } from "../dom.js";
import { plain } from "../format.js";
import { done, failed } from "../notify.js";
import { ask } from "../parts/dialog.js";
import { complainAt, field, input, select } from "../parts/form.js";
import { keyOf, place } from "../router.js";
import { session } from "../session.js";

const LOOK_EVERY = 500;
const LOOK_FOR = 60_000;
const MOST_ROWS = 20;
const FEEDBACK = [["POSITIVE", "POSITIVE"], ["NEGATIVE", "NEGATIVE"], ["VERY_NEGATIVE", "VERY_NEGATIVE"], ["none", "take back what was said"]];

/** What came of the last action, and of which memory; it is shown as long as one stays with that memory. */
let last = null;
const keyFor = (project, memory) => `${project}/${memory}`;

const nameOf = (row) => `${row.table} ${row.key}`;

/** The rows that the memory speaks for now. */
async function rowsOf(path) {
  const { rows } = await api.get(`${path}/lineage`);
  return rows.filter(({ gone }) => !gone).map(({ target, table, identity }) => ({ target, table, key: keyOf(identity) }));
}

/** What stands in the cells of these rows, by place. A row that is no longer there has none. */
async function cellsOf(rows) {
  const answers = await Promise.all(rows.slice(0, MOST_ROWS).map(async (row) => {
    try {
      const { cells } = await api.get("why", row);
      return cells.map((cell) => [`${nameOf(row)} · ${cell.cell}`, cell.current]);
    } catch (error) {
      if (error.status === 404) return [];
      throw error;
    }
  }));
  return new Map(answers.flat());
}

function changesBetween(before, after) {
  const cells = [...new Set([...before.keys(), ...after.keys()])];
  return cells.filter((cell) => JSON.stringify(before.get(cell)) !== JSON.stringify(after.get(cell))).map((cell) => ({ cell, before: before.get(cell), after: after.get(cell) }));
}

/** The memory's rows before and now, compared. */
async function changesSince(before, path) {
  const all = new Map([...before.rows, ...(await rowsOf(path))].map((row) => [nameOf(row), row]));
  return changesBetween(before.cells, await cellsOf([...all.values()]));
}

const said = (value) => (value === undefined ? "nothing" : plain(value));

/** The callout of the last action on this memory, or nothing. */
export function outcomeOf(project, memory) {
  if (last?.key !== keyFor(project, memory)) last = null;
  if (last === null) return null;
  if (last.end === undefined) return h("div", { class: "callout", role: "status" }, h("p", {}, h("span", { class: "spinner", "aria-hidden": "true" }), ` ${last.words} Its rows follow…`));
  const [tone, end] = last.end;
  return h("div", { class: `callout ${tone}`, role: "status" }, h("p", {}, `${last.words} ${end}`),
    last.changes.length === 0 ? null : h("ul", {}, last.changes.map(({ cell, before, after }) => h("li", {}, h("span", { class: "mono" }, cell), ` ${said(before)} → ${said(after)}`))));
}

const ENDS = {
  followed: ["good", "Its rows have followed:"],
  same: ["good", "It was read and applied; no cell of its rows changed."],
  parked: ["bad", "It cannot be applied as it is now: see why it is parked."],
  late: ["", "Its rows have not followed within a minute. Look again later."],
};

/** Looks until the memory has been read and applied since `read`, or parked. Answers how it ended; nothing when one has left. */
async function lookFor(path, read, isHere) {
  const end = Date.now() + LOOK_FOR;
  while (Date.now() < end) {
    const now = await api.get(path);
    if (now.read_at !== read || now.gone_at) {
      if (now.parked.length > 0) return "parked";
      if (now.dirty === null) return "followed";
    }
    await new Promise((resume) => setTimeout(resume, LOOK_EVERY));
    if (!isHere()) return undefined;
  }
  return "late";
}

/** Shows that something was done, and then what it did to the rows. */
async function follow(project, memory, words, { path, before, read, again }) {
  const key = keyFor(project, memory);
  const mine = { key, words };
  const isHere = () => last === mine && place().parts.slice(1).join("/") === key;
  last = mine;
  again();
  try {
    const how = await lookFor(path, read, isHere);
    if (how === undefined) return;
    const changes = how === "late" ? [] : await changesSince(before, path);
    mine.changes = changes;
    mine.end = ENDS[how === "followed" && changes.length === 0 ? "same" : how];
  } catch (error) {
    if (last === mine) last = null;
    failed(error);
  }
  if (place().parts.slice(1).join("/") === key) again();
}

/** What an action needs to know of the time before it. */
async function present(path) {
  const [{ read_at: read }, rows] = await Promise.all([api.get(path), rowsOf(path)]);
  return { path, read, before: { rows, cells: await cellsOf(rows) } };
}

async function edit(project, memory, path, context) {
  const { record } = await api.get(`${path}/record`);
  if (record === null) return failed(new Error("It is gone at Mem0."));
  const text = record.memory ?? record.text ?? "";
  const fields = {
    text: field("Text", h("textarea", { name: "text", rows: 4, class: "few", value: text })),
    expiration_date: field("Shown until", input("expiration_date", record.expiration_date, { placeholder: "2026-12-31" }), "The last day on which Mem0 shows it; empty: for ever."),
    metadata: field("Further fields", h("textarea", { name: "metadata", rows: 4, class: "few", spellcheck: "false", value: record.metadata ? JSON.stringify(record.metadata, null, 2) : "" }), "A JSON object."),
  };
  const draft = () => {
    const body = {};
    const given = (name) => fields[name].control.value.trim();
    if (given("text") !== text) body.text = given("text");
    if (given("expiration_date") !== (record.expiration_date ?? "")) body.expiration_date = given("expiration_date") || "none";
    if (given("metadata") && given("metadata") !== JSON.stringify(record.metadata, null, 2)) {
      try {
        body.metadata = JSON.parse(given("metadata"));
      } catch {
        body.metadata = given("metadata"); // refused at its field
      }
    }
    return body;
  };
  const was = await present(path);
  const answer = await ask({ title: "Edit this memory at Mem0", confirm: "Save at Mem0", body: Object.values(fields),
    act: () => api.patch(`mem0/${segment(project)}/memory/${segment(memory)}`, draft()), complain: (error) => complainAt(fields, error.fields ?? {}) });
  if (answer !== undefined) await follow(project, memory, "Changed at Mem0.", { ...context, ...was });
}

async function remove(project, memory, path, context) {
  const address = `mem0/${segment(project)}/memory/${segment(memory)}`;
  const meant = await api.remove(address, { dry_run: true });
  const was = await present(path);
  const answer = await ask({ title: "Delete this memory at Mem0?", confirm: "Delete at Mem0", tone: "danger",
    body: h("p", {}, "It cannot be brought back. Its rows get what other memories say, or what stood there before."),
    act: () => api.remove(address, { expected_count: meant.count }) });
  if (answer !== undefined) await follow(project, memory, "Deleted at Mem0.", { ...context, ...was });
}

async function judge(project, memory) {
  const fields = { feedback: field("It is", select("feedback", FEEDBACK)), feedback_reason: field("Why", input("feedback_reason")) };
  const body = () => ({ memory_id: memory, feedback: fields.feedback.control.value, ...(fields.feedback_reason.control.value.trim() ? { feedback_reason: fields.feedback_reason.control.value.trim() } : {}) });
  const answer = await ask({ title: "Tell Mem0 whether it is right", confirm: "Send", body: Object.values(fields),
    act: () => api.post(`mem0/${segment(project)}/feedback`, body()), complain: (error) => complainAt(fields, error.fields ?? {}) });
  if (answer !== undefined) done("Mem0 has your feedback.");
}

/** The buttons for what the role may do. `again` draws the memory anew. */
export function memoryActions(project, memory, context) {
  if (!session.may("operator") || session.isSelfHosted(project)) return null;
  const path = `projects/${segment(project)}/memories/${segment(memory)}`;
  const button = (label, act, tone = "") => h("button", { type: "button", class: tone, on: { click: () => act(project, memory, path, context).catch(failed) } }, label);
  return [button("Edit…", edit), button("Feedback…", judge), session.may("admin") ? button("Delete…", remove, "danger") : null];
}
