// The change feed, a Mem0 of one's own and drafts that are saved, which need a world of their own: at all three widths, in both themes.
import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFileSync, copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { Operator } from "./operator.mjs";
import { eventually, World } from "./world.mjs";

const SIZES = [[390, 844], [1280, 800], [1920, 1080]];

/** An endpoint that takes what it is sent, or refuses it. */
class Endpoint {
  taken = [];
  refusing = 0; // the status it refuses with
  server = createServer((request, response) => {
    request.resume().on("end", () => {
      if (!this.refusing) this.taken.push(request.headers["webhook-id"]);
      response.writeHead(this.refusing || 204).end();
    });
  });

  async listen() {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${this.server.address().port}/hook`;
  }
}

const endpoint = new Endpoint();
const mappings = path.resolve("mappings-reach");
let world, operator;

before(async () => {
  mkdirSync(mappings, { recursive: true });
  copyFileSync("contacts.yaml", path.join(mappings, "contacts.yaml"));
  process.env.PAGE_WORLD_FEEDS = JSON.stringify([{ name: "crm", url: await endpoint.listen(), secrets: [`whsec_${Buffer.alloc(32, 7).toString("base64")}`] }]);
  process.env.PAGE_WORLD_SOURCE = "1";
  process.env.PAGE_WORLD_SAVES = "1";
  world = await World.start([path.join(mappings, "contacts.yaml")]);
  await world.api("POST", "projects/crm/webhooks/apply", {});
  operator = await Operator.sitDown(world.page_address, 1280);
  await operator.signIn(world.admin_token);
  await operator.sees("What arrives");
});

after(async () => {
  await operator?.standUp();
  const status = await world?.stop();
  endpoint.server.close();
  endpoint.server.closeAllConnections();
  assert.equal(status, 0);
});

const stateOf = async () => (await world.api("GET", "feeds/crm")).state;
const inspectAtAll = async (name) => {
  for (const [width, height] of SIZES) {
    await operator.resize(width, height);
    await operator.inspect(name);
  }
  await operator.resize(1280, 800);
};

test("feeds: one is tried, paused, resumed and posted again", async () => {
  await world.remember("ada", "Name is Ada King, works at Initech");
  await world.settled();
  await eventually("the feed to be told", stateOf, (state) => state === "told");
  assert.ok(endpoint.taken.length > 0);
  await operator.visit("Feeds");
  await operator.sees("told", "every table");
  await inspectAtAll("feeds");
  await operator.follow("crm");
  await operator.sees("Everything was posted.", "insert, update, delete");

  await operator.press("Send a test");
  await operator.sees("The endpoint took the test message: 204.");
  await operator.press("Pause");
  await operator.sees("crm is paused", "by an operator");
  await inspectAtAll("feed-paused");
  await world.remember("bob", "Name is Bob");
  await world.settled();
  await operator.press("Resume");
  await operator.sees("crm goes on", "Everything was posted.");
  await eventually("Bob to be told", stateOf, (state) => state === "told");

  const before = endpoint.taken.length;
  operator.expectRefusals(400);
  await operator.press("Replay…");
  await operator.fill("Since", "whenever");
  await operator.page.locator('dialog ::-p-aria([name="Count them"][role="button"])').click();
  await operator.page.waitForSelector("dialog .field-trouble:not([hidden])");
  await inspectAtAll("feed-replay");
  await operator.fill("Since", "2h");
  await operator.page.locator('dialog[open] ::-p-aria([name="Count them"][role="button"])').click();
  await operator.sees("changes again?", "To crm, all since 2h.");
  await operator.confirm("Post them");
  await operator.sees("will be posted again.");
  await eventually("the changes again", () => endpoint.taken, (taken) => taken.length >= 2 * (before - 1));
  const actions = await world.sql("SELECT action FROM membridge.audit WHERE action LIKE 'feeds.%' AND outcome = 'done' ORDER BY number");
  assert.deepEqual(actions.flat(), ["feeds.test", "feeds.pause", "feeds.resume", "feeds.replay"]);
  await operator.noTrouble();
});

test("feeds: one that is refused says so, and a message can be left out", async () => {
  endpoint.refusing = 500;
  await world.remember("carl", "Name is Carl");
  await world.settled();
  await operator.goTo("#/feeds/crm");
  await operator.sees("Failing since", "Put the endpoint right, then Try now.");
  await operator.press("Send a test");
  await operator.sees("The endpoint did not take the test message:");
  await inspectAtAll("feed-failing");
  await operator.press("Leave out a message…");
  await operator.sees("Its changes are never posted");
  endpoint.refusing = 0;
  await operator.confirm("Leave it out");
  await operator.sees("The message was left out", "Everything was posted.");
  await operator.noTrouble();
});

test("feeds: a change that is refused is shown with its row, and tried again when asked", async () => {
  endpoint.refusing = 422;
  await world.remember("dora", "Name is Dora");
  await world.settled();
  await operator.goTo("#/feeds/crm");
  await operator.sees("The endpoint refuses a change of", "crm.contacts", "422");
  await inspectAtAll("feed-refused");
  endpoint.refusing = 0;
  await operator.press("Try now");
  await operator.sees("Everything was posted.");
  await operator.noTrouble();
});

test("sources: by polling, then by the change log, then away", async () => {
  await operator.visit("Sources");
  await operator.sees("own", "by polling");
  await operator.press("Check the table now");
  await operator.sees("As the table is now:", "has no working change log (0 of 4 triggers are on)");
  const sql = await operator.page.$eval(".callout pre", (pre) => pre.textContent);
  await inspectAtAll("source-polling");

  await world.ownSql(sql); // as it stands on the page
  await operator.press("Check the table now");
  await operator.sees("changes are noted as they happen", "by the change log");
  await world.ownSql(`INSERT INTO memories VALUES (gen_random_uuid(), '[1]', '{"data": "Likes tea", "user_id": "eve"}')`);
  await eventually("its row", () => world.count("own_notes WHERE body = 'Likes tea'"), (count) => count === 1);
  await inspectAtAll("source-live");

  // Its memories are read, and Mem0's own operations are not offered for them.
  const [[memory]] = await world.ownSql("SELECT id FROM memories");
  await operator.goTo(`#/memories/own/${memory}`);
  await operator.sees("Likes tea", "Rows it speaks for");
  assert.deepEqual((await operator.page.$$eval(".view-head button", (all) => all.map((each) => each.innerText))), []);
  await world.ownSql("ALTER TABLE memories RENAME TO elsewhere");
  await operator.visit("Sources");
  await operator.press("Check the table now");
  await operator.sees("not at all");
  await operator.inspect("source-away");
  await world.ownSql("ALTER TABLE elsewhere RENAME TO memories");
  await operator.noTrouble();
});

test("mappings: a draft is saved over its file and takes over, unless somebody else was quicker", async () => {
  const file = path.join(mappings, "contacts.yaml");
  const before = readFileSync(file, "utf8");
  const edited = before.replace("([^.,;]+)') | trim\n      email", "([^.,;]+)') | trim | upper\n      email");
  const isOffered = () => operator.page.waitForFunction(() => [...document.querySelectorAll("main button")].some(({ innerText, disabled }) => innerText === "Save…" && !disabled));
  await operator.goTo("#/mappings/contacts");
  await operator.press("Edit a draft");
  await operator.sees("It fits its tables.");
  await operator.fill("The draft", before.replace("company: $memory", "compny: $memory"));
  await operator.sees("has no column");
  assert.equal(await operator.page.$$eval("main button", (all) => all.find(({ innerText }) => innerText === "Save…").disabled), true);
  await operator.fill("The draft", edited);
  await isOffered();
  await operator.press("Save…");
  await operator.sees("Save the draft over contacts.yaml?");
  await inspectAtAll("draft-save");
  await operator.confirm("Save over the file");
  await operator.sees("Saved. It takes over in a moment.", "Edit a draft");
  assert.equal(readFileSync(file, "utf8"), edited);
  assert.deepEqual(readdirSync(mappings), ["contacts.yaml"]);
  await eventually("the draft in force", () => world.api("GET", "mappings/contacts"), ({ source, on_disk: onDisk }) => source === edited && onDisk === "same");
  await world.remember("dora", "Works at Hooli");
  await eventually("a row by the draft", () => world.count("crm.contacts WHERE company = 'HOOLI'"), (count) => count === 1);

  await operator.press("Edit a draft");
  await operator.sees("It fits its tables.");
  await operator.fill("The draft", before);
  await isOffered();
  appendFileSync(file, "# somebody else\n");
  operator.expectRefusals(409);
  await operator.press("Save…");
  await operator.page.locator('dialog[open] ::-p-aria([name="Save over the file"][role="button"])').click();
  await operator.sees("contacts.yaml has changed since the draft was begun");
  assert.match(readFileSync(file, "utf8"), /upper[^]*# somebody else/);
  const told = await world.sql("SELECT outcome FROM membridge.audit WHERE action = 'mapping.save' ORDER BY number");
  assert.deepEqual(told.flat(), ["done", "refused"]);
  await operator.press("Cancel");
  await operator.press("Discard the draft");
  await operator.noTrouble();
});
