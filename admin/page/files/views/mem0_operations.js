// Everything that can be done at Mem0: the forms are made from the API's document, so an operation that the API has is here as well.
import { api, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { counted } from "../format.js";
import { announce, done } from "../notify.js";
import { ask } from "../parts/dialog.js";
import { complainAt, field, input, select } from "../parts/form.js";
import { broken, empty, load } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { to } from "../router.js";
import { session } from "../session.js";

const OF_THE_PAGE = new Set(["project", "dry_run", "expected_count"]);
const FOR_CALLERS = / Call it with dry_run first, then with expected_count\./; // the page does that itself
const EFFECTS = { reads: "", changes: "warn", destroys: "bad" };

/** One operation of the document: what it is called, what it takes and where that goes. */
function operationOf(path, method, described) {
  const noun = path.split("/")[3];
  const verb = described.operationId.slice("mem0".length + noun.length).replace(/(?<!^)[A-Z]/g, " $&").toLowerCase();
  const body = described.requestBody?.content["application/json"].schema ?? { properties: {} };
  const fields = [
    ...described.parameters.map((each) => ({ name: each.name, place: each.in, required: each.required, about: each.description, schema: each.schema })),
    ...Object.entries(body.properties).map(([name, schema]) => ({ name, place: "body", required: (body.required ?? []).includes(name), about: schema.description, schema })),
  ].filter(({ name }) => !OF_THE_PAGE.has(name));
  const effect = described["x-destroys"] ? "destroys" : described["x-audit"] ? "changes" : "reads";
  return { id: described.operationId, noun, verb, method, path, fields, effect, hasBody: described.requestBody !== undefined, role: described["x-role"], summary: described.summary, about: described.description.replace(FOR_CALLERS, "") };
}

async function operations(signal) {
  const { paths } = await api.get("openapi.json", {}, signal);
  return Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).filter(([, each]) => each.tags?.includes("mem0")).map(([method, each]) => operationOf(path, method, each)));
}

const effectMark = ({ effect }) => (effect === "reads" ? h("span", { class: "faint" }, "reads") : h("span", { class: `mark ${EFFECTS[effect]}` }, effect));

function list({ body, signal }) {
  load(body, () => operations(signal), (all) => {
    const mine = all.filter(({ role }) => session.may(role));
    const nouns = [...new Set(mine.map(({ noun }) => noun))];
    return h("div", { class: "stack" }, mine.length < all.length ? h("p", { class: "hint" }, `${all.length - mine.length} more need another role than ${session.who.role}.`) : null,
      nouns.map((noun) => h("section", {}, h("h2", {}, noun), table(`Operations on ${noun}`, [
        { label: "Operation", narrow: "title", cell: (each) => h("a", { href: to(["operations", each.id]) }, each.verb) },
        { label: "What it does", class: "long", narrow: "wide", cell: (each) => each.summary },
        { label: "Effect", cell: effectMark },
        { label: "Role", cell: (each) => each.role },
      ], mine.filter((each) => each.noun === noun), { rowHref: (each) => to(["operations", each.id]) }))));
  }, signal);
}

const isJson = ({ type, items }) => type === "object" || (type === "array" && items.type === "object");

function controlFor({ name, schema }, given) {
  if (schema.enum) return select(name, [["", "–"], ...schema.enum], given ?? "");
  if (schema.type === "boolean") return select(name, [["", "–"], ["true", "yes"], ["false", "no"]], given ?? "");
  if (isJson(schema) || schema.type === "array") return h("textarea", { name, rows: isJson(schema) ? 4 : 3, class: "few", spellcheck: "false", value: given ?? "" });
  return input(name, given);
}

function hintFor({ about, schema, required }) {
  const how = isJson(schema) ? " As JSON." : schema.type === "array" ? " One a line." : "";
  return `${required ? "Needed. " : ""}${about ?? ""}${about && !/[.!?]$/.test(about) ? "." : ""}${how}`;
}

/** What was typed as the kind that the document asks for. What is no such thing goes as it stands and is refused at its field. */
function typed(text, schema) {
  if (schema.type === "boolean") return text === "true";
  if (schema.type === "integer" || schema.type === "number") return Number.isNaN(Number(text)) ? text : Number(text);
  if (schema.type === "array" && !isJson(schema)) return text.split("\n").map((line) => line.trim()).filter(Boolean);
  if (!isJson(schema)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The call that the form means: its path, and what goes into the query or the body. */
function callOf(operation, project, controls) {
  const missing = {};
  const given = {};
  let path = operation.path.slice(1).replace("{project}", segment(project));
  for (const { name, place, schema } of operation.fields) {
    const text = controls[name].control.value.trim();
    if (place === "path") {
      if (text === "") missing[name] = "is needed";
      path = path.replace(`{${name}}`, segment(text));
    } else if (text !== "") given[name] = typed(text, schema);
  }
  return { path, given, missing };
}

function send({ method, hasBody }, path, given) {
  if (method === "get") return api.get(path, given);
  if (method === "delete") return api.remove(path, given);
  return method === "patch" ? api.patch(path, given) : api.post(path, hasBody ? given : undefined);
}

/** Counts what would be destroyed, shows the number and asks. */
async function destroy(operation, path, given) {
  const meant = await send(operation, path, { ...given, dry_run: true });
  const answer = await ask({ title: `${operation.summary}?`, confirm: `Yes, ${operation.verb}`, tone: "danger",
    body: h("p", {}, `It destroys ${counted(meant.count, meant.of)} at Mem0, for good.`),
    act: () => send(operation, path, { ...given, expected_count: meant.count }) });
  return answer === undefined ? undefined : answer ?? {};
}

function outcomeOf(operation, answer, project) {
  const event = answer?.event_id;
  return h("section", {}, h("h2", {}, "Mem0’s answer"),
    event && operation.id !== "mem0EventShow" ? h("p", {}, "Mem0 does it later: ", h("a", { href: to(["operations", "mem0EventShow"], { event_id: event, project }) }, "see whether it is done"), ".") : null,
    h("pre", { class: "text", tabindex: 0, "aria-label": "Mem0’s answer" }, JSON.stringify(answer, null, 2)));
}

function form(operation, query) {
  const project = field("Project", select("project", session.platformProjects, query.project ?? session.platformProjects[0]));
  const controls = Object.fromEntries(operation.fields.map((each) => [each.name, field(each.name, controlFor(each, query[each.name]), hintFor(each))]));
  const answered = h("div", { class: "stack" });
  const go = h("button", { type: "submit", class: operation.effect === "destroys" ? "danger" : "primary" }, { reads: "Ask Mem0", changes: "Do it at Mem0", destroys: "Count, then ask…" }[operation.effect]);
  const submit = async (event) => {
    event.preventDefault();
    const { path, given, missing } = callOf(operation, project.control.value, controls);
    if (Object.keys(missing).length > 0) return void complainAt(controls, missing);
    go.disabled = true;
    complainAt(controls, {});
    try {
      const answer = operation.effect === "destroys" ? await destroy(operation, path, given) : await send(operation, path, given);
      if (answer === undefined) return;
      replace(answered, outcomeOf(operation, answer, project.control.value));
      if (operation.effect === "reads") announce("Mem0 has answered.");
      else done(`${operation.summary}: done.`);
    } catch (error) {
      if (error.status === undefined) console.error(error);
      replace(answered, complainAt(controls, error.fields ?? {}) ? broken(error) : null);
    } finally {
      go.disabled = false;
    }
  };
  return h("div", { class: "stack" }, h("form", { class: "stack", novalidate: true, on: { submit } }, session.platformProjects.length > 1 ? project : null, Object.values(controls), h("div", { class: "row-ends" }, go)), answered);
}

function one({ body, actions, parts: [id], query, signal, call }) {
  replace(actions, h("a", { class: "button", href: "#/operations" }, "All operations"));
  load(body, () => operations(signal), (all) => {
    const operation = all.find((each) => each.id === id && session.may(each.role));
    if (!operation) return empty("There is no such operation, or your role may not do it.");
    call(`${operation.noun} ${operation.verb}`);
    return h("div", { class: "stack" }, h("p", {}, operation.summary, ". ", h("span", { class: "hint" }, operation.about)), facts([["Effect", effectMark(operation)], ["Role", operation.role]]), form(operation, query));
  }, signal);
}

export default (context) => {
  if (session.platformProjects.length === 0) return replace(context.body, empty("The configuration has no project at Mem0’s Platform."));
  return context.parts.length > 0 ? one(context) : list(context);
};
