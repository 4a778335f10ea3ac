// Every view and where it stands. The first is where one arrives.
import { session } from "../session.js";
import overview from "./overview.js";
import deliveries from "./deliveries.js";
import parked from "./parked.js";
import memories from "./memories.js";
import mappings from "./mappings.js";
import why from "./why.js";
import webhooks from "./webhooks.js";
import backfills from "./backfills.js";
import tokens from "./tokens.js";
import audit from "./audit.js";
import nowhere from "./nowhere.js";

const GROUPS = [
  ["What comes in", [overview, deliveries, parked]],
  ["What it becomes", [memories, mappings, why]],
  ["At Mem0", [webhooks, backfills]],
  ["This bridge", [tokens, audit]],
];

const allowed = (view) => session.may(view.role ?? "viewer");

/** What who is signed in may open. */
export const groups = () => GROUPS.map(([heading, views]) => [heading, views.filter(allowed)]).filter(([, views]) => views.length > 0);

/** The view of that name, or the one that says there is none. */
export function viewFor(name) {
  const view = GROUPS.flatMap(([, views]) => views).find((each) => each.name === name);
  return view && allowed(view) ? view : { ...nowhere, name: view ? view.name : name, forbidden: view !== undefined };
}
