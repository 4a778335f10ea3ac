// What a memory would change in the tables, rolled back: one of the latest, any by its id, or a record one pastes. By the mapping in
// force, or by a draft of it.
import { api, ApiError, segment } from "../api.js";
import { freshId, h, quiet, replace } from "../dom.js";
import { ago, counted, plain } from "../format.js";
import { field, input, select } from "../parts/form.js";
import { broken, empty, loading } from "../parts/states.js";
import { table } from "../parts/table.js";
import { session } from "../session.js";

const LATEST = 20;
const example = () => JSON.stringify({ id: "example", memory: "Works at Initech, prefers German", user_id: "ada", metadata: { email: "ada@example.com" }, categories: ["support"], updated_at: new Date().toISOString() }, null, 2);

const value = (cell) => (cell === null || cell === undefined ? h("span", { class: "faint" }, "null") : plain(cell));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** One row as it is and as it would be; cells that stay are folded away. */
function rowCard(row) {
  const what = row.before === null ? ["new row", "good"] : row.after === null ? ["deleted", "bad"] : ["changed", "warn"];
  const cells = Object.keys({ ...row.before, ...row.after }).map((cell) => ({ cell, before: row.before?.[cell], after: row.after?.[cell] }));
  const changed = cells.filter(({ before, after }) => !same(before ?? null, after ?? null));
  const kept = cells.filter(({ before, after }) => same(before ?? null, after ?? null));
  const columns = [
    { label: "Column", narrow: "title", cell: (each) => h("span", { class: "mono" }, each.cell) },
    { label: "Before", class: "long", cell: (each) => h("span", { class: "was" }, row.before === null ? h("span", { class: "faint" }, "–") : value(each.before)) },
    { label: "After", class: "long", cell: (each) => h("span", { class: "is" }, row.after === null ? h("span", { class: "faint" }, "–") : value(each.after)) },
  ];
  const name = `${row.table} ${Object.entries(row.identity).map(([column, own]) => `${column}=${own}`).join(", ")}`;
  return h("article", { class: "row-card" },
    h("h3", {}, name, " ", h("span", { class: `mark ${what[1]}` }, what[0])),
    table(`${name}: what would change`, columns, changed),
    kept.length > 0 ? h("details", {}, h("summary", {}, `${counted(kept.length, "column")} as before`), table(`${name}: what stays`, columns, kept)) : null);
}

function outcome(answer) {
  if (answer.outcome === "parked") {
    return h("div", { class: "callout bad", role: "status" }, h("p", {}, `It would be parked (${answer.parked.code}) at ${answer.parked.place.split("/").at(-1)}: ${answer.parked.cause}`), answer.parked.hint ? h("p", { class: "hint" }, answer.parked.hint) : null);
  }
  if (answer.outcome === "late") return h("p", { class: "callout", role: "status" }, "It is older than what stands in the tables, so it would change nothing.");
  const { changed, created, deleted, kept, withdrawn } = answer.counts;
  const would = [[changed, "change", "cell"], [created, "create", "row"], [deleted, "delete", "row"], [withdrawn, "withdraw", "cell"]]
    .filter(([count]) => count > 0).map(([count, verb, what]) => `${verb} ${counted(count, what)}`).join(", ");
  return h("p", { class: `callout ${answer.would_change ? "good" : ""}`, role: "status" },
    answer.would_change && would !== "" ? `It would ${would}.` : "It would change nothing.", kept > 0 ? ` People’s own: ${counted(kept, "cell")}, kept.` : "");
}

const draw = (answer) => [
  outcome(answer),
  answer.rows.length > 0 ? h("div", { class: "causes" }, answer.rows.map(rowCard)) : null,
  h("details", {}, h("summary", {}, "Every decision, as membridge plan prints it"), h("pre", { class: "text", tabindex: 0, "aria-label": "Plan" }, answer.text)),
];

/** What to send, or null after telling at the field what is wrong. */
function request(way, fields) {
  const project = fields.project?.control.value;
  if (way === "memory") {
    const memory = fields.memory.control.value.trim();
    return memory === "" ? null : { project, memory, read: fields.read.control.value };
  }
  if (way === "latest") {
    const [of, memory] = fields.latest.control.value.split(" ");
    return memory ? { project: fields.project ? of : undefined, memory, read: "mirror" } : null;
  }
  fields.record.complain("");
  const text = fields.record.control.value.trim();
  if (text === "") return null;
  try {
    const record = JSON.parse(text);
    if (record !== null && typeof record === "object" && !Array.isArray(record)) return { project, record };
    fields.record.complain("A record is one JSON object.");
  } catch (error) {
    fields.record.complain(`This is no JSON yet: ${error.message}`);
  }
  return null;
}

/** The memories that deliveries named last, the newest first, as choices of a select. */
async function latestMemories(project, signal) {
  const { deliveries } = await api.get("deliveries", { project, limit: LATEST }, signal);
  const choices = new Map();
  for (const each of deliveries) {
    for (const memory of each.memories) {
      const value = `${each.project} ${memory}`;
      if (each.outcome !== "left_out" && !choices.has(value)) choices.set(value, `${memory.slice(0, 13)}… ${each.verdict}, ${ago(each.received_at)}`);
    }
  }
  return [...choices].slice(0, LATEST);
}

/**
 * The section of a mapping's page. Asks by itself a moment after each change; what is asked last is what is shown. `draft` is
 * {text, tell(problems)} of a draft that is being edited, text null while there is none. `element.look()` asks again.
 */
export function preview(mapping, query, signal, draft) {
  let way = query.memory ? "memory" : "latest";
  let asking = 0;
  let listed = false; // the latest memories
  const result = h("div", { class: "preview-result", "aria-live": "polite" });
  const idle = () => empty("Nothing to preview yet.", "Paste a record as Mem0 answers it, or name a memory. Everything is done in the database, triggers and constraints included, and rolled back.");
  const fields = {
    latest: field("Memory", select("latest", [["", "looking…"]]), "The memories that arrived last, as the mirror has them."),
    memory: field("Memory id", input("memory", query.memory, { class: "mono" })),
    read: field("Read it", select("read", [["mem0", "from Mem0 now"], ["mirror", "from the mirror"]])),
    record: field("Record", h("textarea", { name: "record", spellcheck: "false", rows: 10, value: example() }), "One memory as Mem0 answers it: id, memory, user_id, metadata, categories, updated_at."),
  };
  if (mapping.project === null && session.who.projects.length > 1) fields.project = field("Project", select("project", session.who.projects, query.project));
  else if (mapping.project === null) fields.project = { control: { value: session.who.projects[0] }, complain() {} };
  // Without moving the focus, which may be in another field by then.
  const complain = (complaints) => {
    for (const [name, element] of Object.entries(fields)) element.complain(complaints[name] ?? "");
  };
  const look = async () => {
    const source = draft.text;
    if (element.hidden && source === null) return;
    if (way === "latest" && !listed && !element.hidden) return void replace(result, loading());
    const asked = element.hidden ? null : request(way, fields);
    const mine = ++asking;
    if (asked === null && source === null) return void replace(result, idle());
    const body = source === null ? asked : { ...asked, source };
    if (result.childElementCount === 0) replace(result, loading());
    result.setAttribute("aria-busy", "true");
    let shown;
    try {
      if (source === null) {
        shown = draw(await api.post(`mappings/${segment(mapping.name)}/preview`, body));
      } else {
        const answer = await api.post(`mappings/${segment(mapping.name)}/draft`, body);
        if (mine === asking) draft.tell(answer.problems);
        shown = answer.preview !== null ? draw(answer.preview)
          : answer.problems.some(({ severity }) => severity === "error") ? empty("The draft has errors.", "They stand above it. What the mapping would do is shown once they are gone.") : idle();
      }
      complain({});
    } catch (error) {
      if (!(error instanceof ApiError)) console.error(error);
      complain(error.fields ?? {});
      shown = broken(error, look);
    }
    if (mine !== asking || signal.aborted) return;
    result.removeAttribute("aria-busy");
    replace(result, shown);
  };
  const soon = quiet(look, 450);
  const group = freshId("way");
  const ways = { latest: h("div", {}, fields.latest), memory: h("div", { class: "pair" }, fields.memory, fields.read), record: h("div", {}, fields.record) };
  const radio = (own, label) => h("label", { class: "tick" }, h("input", { type: "radio", name: group, value: own, checked: way === own, on: { change: () => {
    way = own;
    turn();
    look();
  } } }), label);
  const turn = () => {
    for (const [own, element] of Object.entries(ways)) element.hidden = own !== way;
  };
  turn();
  const fill = async () => {
    try {
      const choices = await latestMemories(mapping.project ?? undefined, signal);
      replace(fields.latest.control, (choices.length > 0 ? choices : [["", "none has arrived yet"]]).map(([own, label]) => h("option", { value: own }, label)));
    } catch (error) {
      if (signal.aborted) return;
      replace(fields.latest.control, h("option", { value: "" }, "they could not be listed"));
    }
    listed = true;
    look();
  };
  fill();
  const element = h("section", { class: "preview" }, h("h2", {}, "Preview"),
    h("div", { class: "preview-halves" },
      h("form", { class: "preview-form", novalidate: true, on: { input: soon, submit: (event) => {
        event.preventDefault();
        look();
      } } },
      h("fieldset", { class: "field" }, h("legend", {}, "What to preview"), h("div", { class: "boxes" }, radio("latest", "One of the latest"), radio("memory", "A memory of Mem0"), radio("record", "A record"))),
      fields.project instanceof Node ? fields.project : null, Object.values(ways)), result));
  element.look = look;
  return element;
}
