// Who may use the API and this page.
import { api, segment } from "../api.js";
import { h, replace, unseen } from "../dom.js";
import { time } from "../format.js";
import { announce, done } from "../notify.js";
import { ask } from "../parts/dialog.js";
import { complainAt, field, input, select } from "../parts/form.js";
import { empty, load } from "../parts/states.js";
import { table } from "../parts/table.js";

const ROLES = [["viewer", "viewer: sees how it goes, no texts"], ["operator", "operator: also retries, replays, runs"], ["admin", "admin: everything, bodies and tokens too"]];

/** Shown this once; afterwards nobody can tell it. */
function showToken(issued) {
  const secret = h("input", { class: "mono", readOnly: true, value: issued.token, "aria-label": `Token ${issued.name}`, on: { focus: () => secret.select() } });
  const copy = h("button", { type: "button", on: { click: async () => {
    secret.select();
    try {
      await navigator.clipboard.writeText(issued.token);
      replace(copy, "Copied");
      announce("Copied.");
    } catch {
      announce("It is selected; copy it with the keyboard."); // not allowed without TLS
    }
  } } }, "Copy");
  return ask({ title: `Token “${issued.name}” (${issued.role})`, body: [h("p", { class: "callout" }, "Keep it now: only its hash is stored, and nobody can show it again."), h("div", { class: "joined" }, secret, copy)] });
}

async function issue(again) {
  const fields = {
    name: field("Name", input("name"), "Tells it apart in the audit: a-z, 0-9, - and _."),
    role: field("Role", select("role", ROLES, "viewer")),
    expires_in_days: field("Valid for days", input("expires_in_days", "", { inputmode: "numeric", placeholder: "for ever" })),
  };
  const request = () => {
    const days = fields.expires_in_days.control.value.trim();
    return { name: fields.name.control.value.trim(), role: fields.role.control.value, ...(days === "" ? {} : { expires_in_days: Number.isNaN(Number(days)) ? days : Number(days) }) };
  };
  const issued = await ask({ title: "Issue a token", confirm: "Issue", body: Object.values(fields), act: () => api.post("tokens", request()), complain: (error) => complainAt(fields, error.fields ?? {}) });
  if (issued === undefined) return;
  await showToken(issued);
  again();
}

async function revoke(token, again) {
  const answer = await ask({ title: `Revoke “${token.name}”?`, confirm: "Revoke", tone: "danger", body: h("p", {}, "From then on it opens nothing. People who are signed in with it are sent back to the sign-in."), act: () => api.remove(`tokens/${segment(token.id)}`) });
  if (answer === undefined) return;
  done(`“${token.name}” revoked.`);
  again();
}

function standing(token) {
  if (token.revoked_at) return h("span", { class: "mark bad" }, "revoked");
  if (token.expires_at && new Date(token.expires_at) < new Date()) return h("span", { class: "mark warn" }, "expired");
  return h("span", { class: "mark good" }, "valid");
}

export default function show({ body, actions, signal, again }) {
  replace(actions, h("button", { type: "button", class: "primary", on: { click: () => issue(again) } }, "Issue a token…"));
  load(body, () => api.get("tokens", {}, signal), ({ tokens }) => (tokens.length === 0 ? empty("There is none.") : table("Tokens", [
    { label: "Name", narrow: "title", cell: (each) => each.name },
    { label: "Role", cell: (each) => each.role },
    { label: "State", cell: standing },
    { label: "Kept in", cell: (each) => each.kept_in },
    { label: "Made", cell: (each) => [time(each.created_at), each.created_by ? h("span", { class: "faint" }, ` by ${each.created_by}`) : null] },
    { label: "Valid until", cell: (each) => (each.expires_at ? time(each.expires_at) : "for ever") },
    { label: "Last used", cell: (each) => time(each.last_used, { relative: true }) },
    { label: "", cell: (each) => (each.id && !each.revoked_at ? h("div", { class: "row-ends" }, h("button", { type: "button", class: "danger", on: { click: () => revoke(each, again) } }, "Revoke…", unseen(` ${each.name}`)))
      : h("span", { class: "faint" }, each.id ? "" : "in membridge.yaml")) },
  ], tokens)), signal);
}
