// Every view and every dialog at every width, in both themes, with axe in both: `tests/page/run WORLD WORK matrix`. It takes minutes, so the
// default walk looks at less of it.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Operator } from "./operator.mjs";
import { World } from "./world.mjs";
import * as atMem0 from "./at_mem0.mjs";
import * as becomes from "./becomes.mjs";
import * as comesIn from "./comes_in.mjs";
import * as thisBridge from "./this_bridge.mjs";

const SIZES = [[390, 844], [1280, 800], [1920, 1080]];

/** What fills the views. */
const BEFORE = [thisBridge.signsIn, comesIn.isEmpty, atMem0.managesWebhooks, comesIn.looksAtDeliveries, comesIn.clearsParked, comesIn.choosesRow, becomes.looksAtMemories, becomes.asksWhy, atMem0.runsBackfills];

async function viewsOf(world) {
  const { delivery, contact, run, group } = await thisBridge.whatThereIs(world);
  return {
    overview: "overview", "overview-day": "overview?minutes=1440", "overview-week": "overview?minutes=10080", deliveries: "deliveries", "deliveries-parked": "deliveries?outcome=parked",
    "deliveries-none": "deliveries?memory=00000000-0000-7000-8000-000000000000", delivery: `deliveries/${delivery}`, parked: "parked", cause: `parked/${group}`, memories: "memories",
    memory: `memories/crm/${world.ada}`, mappings: "mappings", mapping: "mappings/contacts", profile: "mappings/profile", disagreements: "disagreements", why: `why?table=crm.contacts&key=${contact}`,
    "why-form": "why", feeds: "feeds", webhooks: "webhooks", project: "project", operations: "operations", operation: "operations/mem0MemorySearch", sources: "sources", backfills: "backfills", run: `backfills/runs/${run}`, tokens: "tokens", audit: "audit", nowhere: "nowhere",
  };
}

/** Dialogs and other states that a press opens, by the view they open from. */
const OPENED = [
  ["webhooks", "New webhook…", "dialog-webhook"], ["tokens", "Issue a token…", "dialog-token"], ["backfills", "Sweep now…", "dialog-sweep"], ["mappings/contacts", "Edit a draft", "draft-begun"], ["project", "Edit…", "dialog-project"],
];

test("every view and dialog at every width, in both themes", async (t) => {
  const mappings = path.resolve("mappings-matrix");
  mkdirSync(mappings, { recursive: true });
  for (const file of ["contacts.yaml", "profile.yaml"]) copyFileSync(file, path.join(mappings, file));
  const world = await World.start([path.join(mappings, "contacts.yaml"), path.join(mappings, "profile.yaml")]);
  world.mappings = mappings;
  let operator;
  let looked = 0;
  try {
    operator = await Operator.sitDown(world.page_address, 1280);
    operator.thorough = true;
    for (const step of BEFORE) await step(operator, world);
    const views = await viewsOf(world);
    for (const [width, height] of SIZES) {
      await t.test(`${width} pixels`, async () => {
        await operator.resize(width, height);
        for (const [name, address] of Object.entries(views)) {
          await operator.goTo(`#/${address}`);
          await operator.inspect(`matrix-${name}`);
          looked += 2;
        }
        for (const [view, button, name] of OPENED) {
          await operator.goTo(`#/${view}`);
          await operator.press(button);
          await operator.inspect(`matrix-${name}`);
          looked += 2;
          await operator.page.keyboard.press("Escape");
          if (name === "draft-begun") await operator.press("Discard the draft");
        }
        await operator.goTo("#/overview");
        await operator.page.keyboard.down("Control");
        await operator.page.keyboard.press("k");
        await operator.page.keyboard.up("Control");
        await operator.page.waitForSelector("dialog[open]");
        await operator.inspect("matrix-palette");
        looked += 2;
        await operator.page.keyboard.press("Escape");
        await operator.noTrouble();
      });
    }
    console.log(`# ${looked} pictures in screenshots/matrix-*`);
  } finally {
    await operator?.standUp();
    assert.equal(await world.stop(), 0);
  }
});
