// The webhooks of a Mem0 project: what the configuration asks for beside what Mem0 has, and what would make them agree.
import { api, segment } from "../api.js";
import { h, replace, unseen } from "../dom.js";
import { counted, duration, id, time } from "../format.js";
import { done } from "../notify.js";
import { ask } from "../parts/dialog.js";
import { complainAt, field, input, select } from "../parts/form.js";
import { empty, load } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { editWebhook } from "./webhook_form.js";

const OVERLAPS = [["0", "at once"], ["3600", "an hour"], ["86400", "a day"], ["604800", "a week"]];
const SIGNS = { create: "+", update: "~", replace: "~", remove: "−", forget: "−", record: "·", keep: "=", report: "!" };
const TONES = { create: "good", update: "warn", replace: "warn", remove: "bad", report: "warn" };
const OWNERS = { ours: "good", lookalike: "warn", foreign: "" };

const events = (list) => list.map((event) => h("span", { class: "mark" }, event));
const pathOf = (project) => `projects/${segment(project)}/webhooks`;

function tick(label, hint) {
  const box = h("input", { type: "checkbox" });
  return { box, element: h("div", {}, h("label", { class: "tick" }, box, label), h("p", { class: "hint" }, hint)) };
}

const planLines = (steps) => (steps.length === 0 ? empty("Nothing to do.")
  : h("ul", { class: "plan" }, steps.map((step) => h("li", { class: TONES[step.step] ?? "" },
    h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[step.step] ?? "·"), h("span", {}, h("b", {}, step.step), step.text.startsWith(step.step) ? step.text.slice(step.step.length) : ` ${step.text}`)))));

async function apply(project, again) {
  const adopt = tick("Take over look-alikes", "Webhooks that lead here under our name, but were made by another deployment.");
  const reactivate = tick("Replace inactive ones", "Mem0 cannot switch a webhook on again; it is made anew.");
  const plan = h("div");
  const look = () => load(plan, () => api.get(pathOf(project), { adopt: adopt.box.checked || undefined, reactivate: reactivate.box.checked || undefined }), (survey) => planLines(survey.steps));
  adopt.box.addEventListener("change", look);
  reactivate.box.addEventListener("change", look);
  look();
  const answer = await ask({ title: `Apply to project ${project}?`, confirm: "Apply", body: [plan, adopt.element, reactivate.element],
    act: () => api.post(`${pathOf(project)}/apply`, { adopt: adopt.box.checked, reactivate: reactivate.box.checked }) });
  if (answer === undefined) return;
  done(answer.changed ? "Mem0 has now what the configuration asks for." : "Everything was as it should be.");
  again();
}

async function rotate(project, again) {
  const overlap = field("The old address stays valid for", select("overlap_seconds", OVERLAPS, "86400"), "Deliveries to either address are taken until then, so none is refused.");
  const answer = await ask({ title: "Give our webhook a new token?", confirm: "Rotate", body: [h("p", {}, "Mem0 is told a new address with a new token. The token itself is shown to nobody."), overlap],
    act: () => api.post(`${pathOf(project)}/rotate`, { overlap_seconds: Number(overlap.control.value) }),
    complain: (error) => complainAt({ overlap_seconds: overlap }, error.fields) });
  if (answer === undefined) return;
  done(`Rotated. The old token is valid for ${duration(answer.overlap_seconds)} more.`);
  again();
}

async function removeOurs(project, again) {
  const answer = await ask({ title: `Delete our webhooks of project ${project}?`, confirm: "Delete ours", tone: "danger",
    body: h("p", {}, "Mem0 stops telling this bridge of changes; sweeps still find them. With manage: true, serve registers it again."), act: () => api.post(`${pathOf(project)}/remove`) });
  if (answer === undefined) return;
  done(answer.webhooks.length === 0 ? "There was none of ours." : `${counted(answer.webhooks.length, "webhook")} deleted at Mem0.`);
  again();
}

async function removeOne(project, webhook, again) {
  const answer = await ask({ title: `Delete “${webhook.name}”?`, confirm: "Delete", tone: "danger",
    body: [h("p", {}, "It is deleted at Mem0, at once and for good."), facts([["Leads to", h("span", { class: "mono" }, webhook.url)], ["Whose", webhook.ownership]])],
    act: () => api.remove(`${pathOf(project)}/${segment(webhook.webhook)}`) });
  if (answer === undefined) return;
  done(`“${webhook.name}” deleted.`);
  again();
}

function desired(survey) {
  if (survey.desired === null) return empty("The configuration asks for none.", "Set projects.NAME.webhook.public_url to have one.");
  return facts([["Name", survey.desired.name], ["Address", h("span", { class: "mono" }, survey.desired.url)], ["Events", h("span", { class: "marks" }, events(survey.desired.events))],
    ["Kept by serve", survey.desired.manage ? "yes" : "no: apply it here or with membridge webhooks apply"]]);
}

// Ours is kept as configured: apply, rotate and delete it above, since an edit of it alone is refused.
const actions = (project, webhook, again) => (webhook.ownership === "ours" ? h("span", { class: "faint" }, "kept as configured")
  : h("div", { class: "row-ends" },
    h("button", { type: "button", on: { click: () => editWebhook(project, webhook, again) } }, "Edit…", unseen(` ${webhook.name}`)),
    h("button", { type: "button", class: "danger", on: { click: () => removeOne(project, webhook, again) } }, "Delete…", unseen(` ${webhook.name}`))));

const found = (project, webhooks, again) => (webhooks.length === 0 ? empty("Mem0 has no webhook for this project.")
  : table("Webhooks Mem0 has", [
    { label: "Name", narrow: "title", cell: (each) => each.name },
    { label: "Whose", cell: (each) => h("span", { class: `mark ${OWNERS[each.ownership] ?? ""}` }, each.ownership) },
    { label: "Active", cell: (each) => (each.is_active ? "yes" : h("span", { class: "mark bad" }, "no")) },
    { label: "Address", class: "long", narrow: "wide", cell: (each) => h("span", { class: "mono" }, each.url) },
    { label: "Events", class: "long", narrow: "wide", cell: (each) => h("span", { class: "marks" }, events(each.events)) },
    { label: "Last used", cell: (each) => (each.token ? time(each.token.last_used, { relative: true }) : h("span", { class: "faint" }, "unknown")) },
    ...(session.may("admin") ? [{ label: "", cell: (each) => actions(project, each, again) }] : []),
  ], webhooks));

const tokenTable = ({ tokens }) => (tokens.length === 0 ? empty("No address has been given out yet.")
  : table("Tokens of addresses", [
    { label: "Token", narrow: "title", cell: (each) => id(each.id) },
    { label: "Made", cell: (each) => time(each.created_at) },
    { label: "Valid until", cell: (each) => (each.expires_at ? time(each.expires_at) : "retired by rotation only") },
    { label: "Last used", cell: (each) => (each.last_used ? time(each.last_used, { relative: true }) : "never") },
  ], tokens));

function projectTabs(project) {
  if (session.platformProjects.length < 2) return null;
  return h("nav", { class: "tabs", "aria-label": "Projects" }, session.platformProjects.map((each) => h("a", { href: to(["webhooks", each]), "aria-current": each === project ? "page" : undefined }, each)));
}

export default function show({ body, actions, parts, signal, again }) {
  const project = parts[0] ?? session.platformProjects[0];
  if (project === undefined) return void replace(body, empty("No project at Mem0’s Platform is configured.", "A Mem0 of your own sends no webhooks: see Sources."));
  const operator = session.may("operator");
  const admin = session.may("admin");
  const applying = h("button", { type: "button", on: { click: () => apply(project, again) } }, "Apply…"); // loud only when it would change something
  replace(actions,
    operator ? applying : null,
    operator ? h("button", { type: "button", on: { click: () => rotate(project, again) } }, "Rotate token…") : null,
    admin ? h("button", { type: "button", on: { click: () => editWebhook(project, null, again) } }, "New webhook…") : null,
    admin ? h("button", { type: "button", class: "danger", on: { click: () => removeOurs(project, again) } }, "Delete ours…") : null);
  const main = h("div");
  const tokens = h("div");
  replace(body, projectTabs(project), h("div", { class: "stack" }, main, h("section", {}, h("h2", {}, "Addresses given out"), h("p", { class: "hint gap" }, "Of each token only a hash is stored. An address nobody used for long may be a webhook that is gone."), tokens)));
  load(main, () => api.get(pathOf(project), {}, signal), (survey) => {
    applying.classList.toggle("primary", survey.changes);
    return h("div", { class: "stack" },
    h("div", { class: "halves" },
      h("section", {}, h("h2", {}, "Asked for"), desired(survey)),
      h("section", {}, h("h2", {}, "Plan"), h("p", { class: `callout ${survey.changes ? "" : "good"}` }, survey.changes ? "Apply would change something." : "Mem0 has what is asked for."), planLines(survey.steps))),
    h("section", {}, h("h2", {}, "Found at Mem0"), found(project, survey.webhooks, again)));
  }, signal);
  load(tokens, () => api.get(`projects/${segment(project)}/tokens`, {}, signal), tokenTable, signal);
}
