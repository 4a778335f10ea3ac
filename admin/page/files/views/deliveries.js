// What arrived: search, look at one, have its memories read again.
import { api, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { bytes, counted, duration, id, number, time } from "../format.js";
import { done, failed } from "../notify.js";
import { countedAction } from "../parts/counted_action.js";
import { filters } from "../parts/filters.js";
import { field, input, select } from "../parts/form.js";
import { live } from "../parts/live.js";
import { OUTCOMES, outcome } from "../parts/outcome.js";
import { pager } from "../parts/pager.js";
import { empty, load } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { keyOf, to } from "../router.js";
import { session } from "../session.js";

const VERDICTS = [["", "Any"], "add", "update", "delete", "categorize", "other", "mixed", "uninterpretable"];
const FILTERS = ["project", "memory", "verdict", "outcome", "since", "until"];
const EVERY = 3000;
const LOOKED_INTO = 10; // memories of one delivery whose way is shown

const tones = { delete: "warn", uninterpretable: "bad" };
const verdict = (text) => h("span", { class: `mark ${tones[text] ?? ""}` }, text);

const memoryLinks = (delivery) => {
  const [first, ...more] = delivery.memories;
  if (!first) return h("span", { class: "faint" }, "none named");
  return [id(first, to(["memories", delivery.project, first])), more.length > 0 ? ` and ${number(more.length)} more` : null];
};

/** Deliveries as a table, for this view and for a memory's. */
export const deliveryTable = (caption, deliveries) => table(caption, [
  { label: "Received", narrow: "title", cell: (each) => h("a", { href: to(["deliveries", each.id]) }, time(each.received_at)) },
  { label: "Outcome", narrow: "mark", cell: (each) => outcome(each.outcome) },
  { label: "Read after", class: "num", narrow: "none", cell: (each) => (each.read_at ? duration((new Date(each.read_at) - new Date(each.received_at)) / 1000) : h("span", { class: "faint" }, "–")) },
  { label: "Verdict", narrow: "end", cell: (each) => verdict(each.verdict) },
  { label: "Project", narrow: "none", cell: (each) => each.project },
  { label: "Memory", narrow: "line", cell: memoryLinks },
  { label: "From", narrow: "none", cell: (each) => h("span", { class: "mono" }, each.source) },
  { label: "Size", class: "num", narrow: "none", cell: (each) => bytes(each.body_bytes) },
], deliveries, { lines: true, rowHref: (each) => to(["deliveries", each.id]) });

function list({ body, actions, query, signal }) {
  const box = h("div");
  let present = query;
  const draw = (asked) => {
    present = asked;
    return load(box, () => api.get("deliveries", { ...asked, limit: 50 }, signal), (page) => {
      const some = FILTERS.some((name) => asked[name]);
      if (page.deliveries.length === 0) return empty(some ? "No delivery fits." : "Nothing has arrived yet.", some ? "Take a filter away, or look further back." : "Deliveries appear here once Mem0 knows this bridge’s webhook.");
      return [deliveryTable("Deliveries, newest first", page.deliveries), pager("deliveries", asked, page.next)];
    }, signal);
  };
  const form = filters("deliveries", {
    project: field("Project", select("project", [["", "Any"], ...session.who.projects], query.project)),
    memory: field("Memory", input("memory", query.memory, { placeholder: "id" })),
    outcome: field("Outcome", select("outcome", [["", "Any"], ...Object.entries(OUTCOMES).map(([name, [word]]) => [name, word])], query.outcome)),
    verdict: field("Verdict", select("verdict", VERDICTS, query.verdict)),
    since: field("Since", input("since", query.since, { placeholder: "2h, 2026-03-01" })),
    until: field("Until", input("until", query.until, { placeholder: "10m, 2026-03-02" })),
  }, draw);
  // What is asked for wrongly stays so until it is fixed, and pages behind the first do not change.
  const look = () => (box.querySelector(".state.bad") ? Promise.resolve() : draw(present));
  replace(actions, query.cursor ? null : live(look, EVERY, signal), session.may("operator") ? h("button", { type: "button", on: { click: () => replay(Object.fromEntries(FILTERS.filter((name) => present[name]).map((name) => [name, present[name]]))) } }, "Replay these…") : null);
  replace(body, form, box);
  if (query.cursor) draw(query);
}

async function replay(filter) {
  await countedAction("deliveries/replay", filter, {
    count: (answer) => answer.deliveries,
    words: (count) => ({
      title: `Replay ${counted(count, "delivery", "deliveries")}?`,
      body: "The memories they name are read again from Mem0, and rows that differ are put right. What is right already is not touched.",
      confirm: "Replay",
      done: `${counted(count, "delivery", "deliveries")} replayed.`,
      none: "No delivery fits, so there is nothing to replay.",
    }),
  });
}

async function replayOne(delivery, button) {
  button.disabled = true;
  try {
    const answer = await api.post(`deliveries/${segment(delivery)}/replay`);
    done(answer.memories === 0 ? "It names no memory, so there is nothing to read." : `${counted(answer.memories, "memory", "memories")} will be read again.`);
  } catch (error) {
    failed(error);
  } finally {
    button.disabled = false;
  }
}

/** JSON as people read it; anything else as it came. */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function bodySection(delivery, signal) {
  const box = h("div");
  const button = h("button", { type: "button", on: { click: () => {
    button.hidden = true;
    load(box, () => api.get(`deliveries/${segment(delivery)}/body`, {}, signal), (answer) => [
      answer.encoding === "base64" ? h("p", { class: "hint" }, "These bytes are no UTF-8; shown as base64.") : null,
      h("pre", { class: "text", tabindex: 0, "aria-label": "Body" }, answer.body === "" ? "(empty)" : pretty(answer.body)),
    ], signal);
  } } }, "Show the body");
  return h("section", {}, h("h2", {}, "Body"), h("p", { class: "hint gap" }, "It holds a memory’s text. That you looked is written to the audit."), button, box);
}

/** One memory of a delivery: when it was read, where it stands, and the rows that came of it. */
function way(delivery, memory, signal) {
  const path = `projects/${segment(delivery.project)}/memories/${segment(memory)}`;
  const box = h("div");
  load(box, async () => {
    try {
      return await api.get(path, {}, signal);
    } catch (error) {
      if (error.status !== 404) throw error;
      return null;
    }
  }, (answer) => h("ol", { class: "way" }, steps(delivery, answer, path, signal)), signal);
  return h("section", { class: "row-card" }, h("h3", {}, h("a", { class: "mono", href: to(["memories", delivery.project, memory]) }, memory)), box);
}

const step = (tone, what, ...more) => h("li", { class: tone }, h("p", {}, what), more);

function steps(delivery, memory, path, signal) {
  const received = step("good", ["Received ", time(delivery.received_at)]);
  if (memory === null) return [received, step("", outcome(["applied", "unchanged"].includes(delivery.outcome) ? "left_out" : delivery.outcome), h("p", { class: "hint" }, "The bridge has not read it yet."))];
  const isRead = new Date(memory.read_at) >= new Date(delivery.received_at);
  const read = isRead ? step("good", ["Read ", time(memory.read_at), h("span", { class: "faint" }, `, ${duration((new Date(memory.read_at) - new Date(delivery.received_at)) / 1000)} after it was received`)])
    : step("", ["Last read ", time(memory.read_at), h("span", { class: "faint" }, ", before this delivery")]);
  const list = [received, read];
  if (memory.dirty) list.push(step("", ["To be read again (", memory.dirty.reason, "), due ", time(memory.dirty.due_at, { relative: true })], memory.dirty.last_error ? h("p", { class: "hint" }, memory.dirty.last_error) : null));
  for (const parked of memory.parked)
    list.push(step("bad", ["Parked", parked.mapping ? [" by ", h("a", { href: to(["mappings", parked.mapping]) }, parked.mapping)] : null, `: ${parked.code}`, parked.place ? ` at ${parked.place.split("/").at(-1)}` : ""],
      session.may("operator") ? h("p", {}, h("a", { href: to(["parked", parked.group]) }, "See the cause and retry")) : null));
  if (memory.parked.length === 0 && memory.applied) list.push(memory.state === "gone" ? step("good", "Withdrawn: the tables gave up what it had said.") : step("good", "In the tables, as it was read.", session.may("operator") ? rowsOf(path, signal) : null));
  return list;
}

/** The rows a memory speaks for, a link each. */
function rowsOf(path, signal) {
  const box = h("div");
  load(box, () => api.get(`${path}/lineage`, {}, signal), ({ rows }) => {
    if (rows.length === 0) return h("p", { class: "hint" }, "No row came of it: no mapping says anything of this memory.");
    return h("ul", { class: "plain-list" }, rows.map((row) => {
      const key = keyOf(row.identity);
      return h("li", {}, h("a", { href: to("why", { table: row.table, key, target: row.target }) }, `${row.table} ${key}`),
        h("span", { class: "faint" }, row.cells.length === 0 ? "" : `: ${row.cells.map(({ cell }) => cell).join(", ")}`));
    }));
  }, signal);
  return box;
}

function detail({ body, actions, parts: [delivery], signal, call }) {
  call("Delivery");
  load(body, () => api.get(`deliveries/${segment(delivery)}`, {}, signal), (answer) => {
    const again = h("button", { type: "button", class: "primary", on: { click: () => replayOne(delivery, again) } }, "Replay");
    replace(actions, h("a", { class: "button", href: "#/deliveries" }, "All deliveries"), session.may("operator") ? again : null);
    return h("div", { class: "stack" },
      facts([
        ["Outcome", outcome(answer.outcome)], ["Received", time(answer.received_at)], ["Verdict", verdict(answer.verdict)], ["Project", answer.project],
        ["From", h("span", { class: "mono" }, answer.source)], ["Size", bytes(answer.body_bytes)],
        ["Token", answer.token ? id(answer.token) : "none: another scheme let it in"], ["Id", h("span", { class: "mono" }, answer.id)],
      ]),
      h("section", {}, h("h2", {}, "What became of it"), h("p", { class: "hint gap" }, OUTCOMES[answer.outcome]?.[2] ?? ""),
        h("div", { class: "causes" }, answer.memories.slice(0, LOOKED_INTO).map((memory) => way(answer, memory, signal))),
        answer.memories.length > LOOKED_INTO ? h("p", { class: "hint" }, `and ${counted(answer.memories.length - LOOKED_INTO, "memory", "memories")} more, `, h("a", { href: to("memories", { project: answer.project }) }, "among all memories")) : null),
      session.may("admin") ? bodySection(delivery, signal) : null,
      h("section", {}, h("h2", {}, "Headers"), h("p", { class: "hint gap" }, "Without credentials: those are never stored."),
        table("Headers", [
          { label: "Name", cell: (each) => h("span", { class: "mono" }, each.name) },
          { label: "Value", class: "long", cell: (each) => h("span", { class: "mono" }, each.value) },
        ], answer.headers)));
  }, signal);
}

export default (context) => (context.parts.length > 0 ? detail(context) : list(context));
