// Every view, where it stands, and who may open it. Their code is fetched when one goes there. The first is where one arrives.
import { session } from "../session.js";

const GROUPS = [
  ["What comes in", [
    { name: "overview", title: "Overview", about: "What arrives, how long it takes to become rows, and what stands in its way.", load: () => import("./overview.js") },
    { name: "deliveries", title: "Deliveries", about: "Webhook calls as they arrived. A delivery is a hint; what counts is what Mem0 answers when its memory is read.", load: () => import("./deliveries.js") },
    { name: "parked", title: "Parked", about: "Memories that cannot be applied as things stand. They hold up nobody; put the cause right, then retry.", load: () => import("./parked.js") },
  ]],
  ["What it becomes", [
    { name: "memories", title: "Memories", about: "The mirror: every memory as Mem0 last answered it, and the rows that came of it.", load: () => import("./memories.js") },
    { name: "mappings", title: "Mappings", about: "What a memory means for your tables, file by file, checked against the tables as they are now.", load: () => import("./mappings.js") },
    { name: "disagreements", title: "Disagreements", role: "operator", about: "Cells where a person wrote one thing and a memory says another. The person’s stays until somebody decides.", load: () => import("./kept.js") },
    { name: "why", title: "Why", role: "operator", about: "Which memory wrote a cell, by which line of which mapping and on which delivery, and what stood there before.", load: () => import("./why.js") },
    { name: "feeds", title: "Feeds", about: "Endpoints that are told of every row the bridge changes, signed, in order and at least once.", load: () => import("./feeds.js") },
  ]],
  ["At Mem0", [
    { name: "webhooks", title: "Webhooks", about: "How Mem0 tells this bridge of changes: what is asked for, what is there, and what would make them agree.", load: () => import("./webhooks.js") },
    { name: "project", title: "Project", about: "What Mem0 looks for in what is said, and which categories memories get.", load: () => import("./mem0_project.js") },
    { name: "operations", title: "Operations", about: "Everything that can be done at Mem0: memories, users, events, exports, projects, members and organizations.", load: () => import("./mem0_operations.js") },
    { name: "sources", title: "Sources", about: "The tables of a Mem0 on your own server: how its changes are found, and whether nothing is missed.", load: () => import("./sources.js") },
    { name: "backfills", title: "Backfills", about: "Exports fill tables from what Mem0 is asked; sweeps compare with Mem0 and repair what lost deliveries left.", load: () => import("./backfills.js") },
  ]],
  ["This bridge", [
    { name: "tokens", title: "Tokens", role: "admin", about: "Who may use this page and the API. Only hashes are stored.", load: () => import("./tokens.js") },
    { name: "audit", title: "Audit", role: "admin", about: "Every changing call and every refused attempt. Entries are only ever added, each with the hash of the one before.", load: () => import("./audit.js") },
  ]],
];

const allowed = (view) => session.may(view.role ?? "viewer");

/** What who is signed in may open. */
export const groups = () => GROUPS.map(([heading, views]) => [heading, views.filter(allowed)]).filter(([, views]) => views.length > 0);

/** The view of that name, or the one that says there is none. */
export function viewFor(name) {
  const view = GROUPS.flatMap(([, views]) => views).find((each) => each.name === name);
  if (view && allowed(view)) return view;
  return { name, title: "Nothing here", about: "", forbidden: view !== undefined, load: () => import("./nowhere.js") };
}
