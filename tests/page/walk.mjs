// One walk through every view and every action, as an operator of a new bridge would take it: each step lives on what the ones before left.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Operator } from "./operator.mjs";
import { World } from "./world.mjs";
import * as fastHands from "./fast_hands.mjs";
import * as atMem0 from "./at_mem0.mjs";
import * as comesIn from "./comes_in.mjs";
import * as becomes from "./becomes.mjs";
import * as thisBridge from "./this_bridge.mjs";

const STEPS = [
  ["only a token lets one in", thisBridge.signsIn],
  ["a new bridge says that there is nothing yet", comesIn.isEmpty],
  ["webhooks: plan, apply, rotate, and any other of the project", atMem0.managesWebhooks],
  ["deliveries: search, pages, one of them, replay", comesIn.looksAtDeliveries],
  ["parked: causes, retry, drop", comesIn.clearsParked],
  ["parked: of several rows that match, which is meant", comesIn.choosesRow],
  ["memories: search, record, versions, the rows they speak for", becomes.looksAtMemories],
  ["why: which memory, which line, and what a person changed", becomes.asksWhy],
  ["disagreements: keep the person's, take the memory's", becomes.decidesDisagreements],
  ["memories: one is edited, judged and deleted at Mem0, and its rows follow", becomes.editsAtMem0],
  ["mappings: source, check, preview", becomes.previews],
  ["mappings: a draft, checked and previewed as one types", becomes.drafts],
  ["project: instructions and categories, and what they mean for mappings", atMem0.editsProject],
  ["operations: everything that can be done at Mem0, with what is wrong at the field", atMem0.operates],
  ["backfills: run, pause, resume, cancel", atMem0.runsBackfills],
  ["text that wants to be markup stays text", becomes.showsHostileText],
  ["the overview shows how it goes, and stops asking when nobody looks", comesIn.looksAtOverview],
  ["the first view is small, and nothing jumps while it comes", thisBridge.seesFirstView],
  ["tokens: issue, use, revoke; roles hide what one may not do", thisBridge.managesTokens],
  ["one box finds views, people, memories, deliveries and rows", fastHands.findsByWords],
  ["j, k, Enter and whole rows lead through lists", fastHands.walksLists],
  ["audit: everything that was done, and whether it was touched", thisBridge.readsAudit],
  ["keyboard alone: skip link, dialogs that hold and give back the focus", thisBridge.usesKeyboard],
  ["what fails says so, with a way on", thisBridge.seesErrors],
  ["every view in both themes", thisBridge.inspectsEverything],
  ["our webhook can be removed again", atMem0.removesOurs],
];

export function walk(name, width) {
  test(`the page on ${name}`, async (t) => {
    const mappings = path.resolve(`mappings-${width}`);
    mkdirSync(mappings, { recursive: true });
    for (const file of ["contacts.yaml", "profile.yaml"]) copyFileSync(file, path.join(mappings, file));
    const world = await World.start([path.join(mappings, "contacts.yaml"), path.join(mappings, "profile.yaml")]);
    world.mappings = mappings;
    let operator;
    try {
      operator = await Operator.sitDown(world.page_address, width);
      for (const [what, step] of STEPS) {
        let passed = false;
        await t.test(what, async () => {
          try {
            await step(operator, world);
          } finally {
            await operator.noTrouble(); // told first: it is the cause where both fail
          }
          passed = true;
        });
        if (!passed) {
          await operator.page.screenshot({ path: `screenshots/failed-${width}.png`, fullPage: true });
          break; // the steps behind live on what this one should have left
        }
      }
      assert.ok(!world.log().includes(world.admin_token), "the log tells the admin token");
    } finally {
      await operator?.standUp();
      assert.equal(await world.stop(), 0);
    }
  });
}
