// Creating or changing any webhook of the project, with Mem0's complaints shown at their fields.
import { api, segment } from "../api.js";
import { done } from "../notify.js";
import { ask } from "../parts/dialog.js";
import { boxes, complainAt, field, input } from "../parts/form.js";

const EVENTS = ["memory_add", "memory_update", "memory_delete", "memory_categorize"];

/** `webhook` is null for a new one. An address is only sent when it was typed, because the one shown here hides its token. */
export async function editWebhook(project, webhook, again) {
  const known = [...new Set([...EVENTS, ...(webhook?.events ?? [])])];
  const fields = {
    name: field("Name", input("name", webhook?.name)),
    url: field("Address", input("url", "", { type: "url", placeholder: webhook ? webhook.url : "https://…" }), webhook ? "Leave it empty to keep the present one." : "Where Mem0 is to post. It is not shown again in full."),
    events: boxes("Events", known, webhook?.events ?? EVENTS),
  };
  const draft = () => {
    const body = { name: fields.name.control.value.trim(), events: fields.events.chosen() };
    const url = fields.url.control.value.trim();
    return webhook !== null && url === "" ? body : { ...body, url };
  };
  const path = `projects/${segment(project)}/webhooks`;
  const answer = await ask({
    title: webhook ? `Edit “${webhook.name}”` : `New webhook of project ${project}`,
    confirm: webhook ? "Save" : "Create",
    body: Object.values(fields),
    act: () => (webhook ? api.patch(`${path}/${segment(webhook.webhook)}`, draft()) : api.post(path, draft())),
    complain: (error) => complainAt(fields, error.fields ?? {}),
  });
  if (answer === undefined) return;
  done(webhook ? `“${answer.name}” saved at Mem0.` : `“${answer.name}” created at Mem0.`);
  again();
}
