// Whoever follows the change feed: with the official library of Standard Webhooks, and with the receiver of the tutorial before a stub of HubSpot.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { Webhook } from "standardwebhooks";

import { foldChanges, isSigned, makeReceiver } from "./receiver.mjs";
import { World, eventually } from "./world.mjs";

const OLD = `whsec_${Buffer.from("an old secret of thirty-two bytes").toString("base64")}`;
const NEW = `whsec_${Buffer.from("the secret that will replace it").toString("base64")}`;
const HUBSPOT_TOKEN = "pat-eu1-test";

const listen = async (server) => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}`;
};
const readAll = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
};

/** Records every message once the library has verified it. */
class Follower {
  messages = [];
  refusing = 0;
  server = createServer(async (request, response) => {
    const body = await readAll(request);
    for (const secret of [OLD, NEW]) new Webhook(secret).verify(body, request.headers); // throws unless it is signed by both
    if (this.refusing > 0) {
      this.refusing -= 1;
      return response.writeHead(503, { "Retry-After": "0" }).end();
    }
    this.messages.push({ id: request.headers["webhook-id"], ...JSON.parse(body) });
    response.writeHead(204).end();
  });
}

/** As much of HubSpot's contacts as the receiver uses, with its rules for batches. */
class HubSpot {
  contacts = new Map(); // by membridge_id
  upserts = 0;
  busy = 0;
  refused; // a first name that it takes for invalid
  server = createServer(async (request, response) => {
    const answer = (status, body, headers = {}) => response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(body && JSON.stringify(body));
    const body = await readAll(request);
    if (request.headers.authorization !== `Bearer ${HUBSPOT_TOKEN}`) return answer(401, { category: "INVALID_AUTHENTICATION" });
    if (this.busy > 0) {
      this.busy -= 1;
      return answer(429, { category: "RATE_LIMITS" }, { "Retry-After": "0" });
    }
    const { pathname, searchParams } = new URL(request.url, "http://hubspot");
    if (request.method === "POST" && pathname === "/crm/v3/objects/contacts/batch/upsert") {
      const { inputs } = JSON.parse(body);
      const ids = inputs.map(({ id }) => id);
      if (inputs.length === 0 || inputs.length > 100 || new Set(ids).size !== ids.length) return answer(400, { category: "VALIDATION_ERROR" });
      if (inputs.some(({ properties }) => this.refused && properties.firstname === this.refused)) return answer(400, { category: "VALIDATION_ERROR" });
      for (const { idProperty, id, properties } of inputs) {
        assert.equal(idProperty, "membridge_id");
        this.contacts.set(id, { ...this.contacts.get(id), ...properties });
      }
      this.upserts += 1;
      return answer(200, { status: "COMPLETE", results: [] });
    }
    const id = decodeURIComponent(pathname.split("/").pop());
    if (request.method === "GET" && searchParams.get("idProperty") === "membridge_id")
      return this.contacts.has(id) ? answer(200, { id: `hs-${id}` }) : answer(404, { category: "OBJECT_NOT_FOUND" });
    if (request.method === "DELETE") {
      this.contacts.delete(id.replace(/^hs-/, ""));
      return answer(204);
    }
    answer(404, {});
  });
}

const follower = new Follower();
const hubspot = new HubSpot();
let receiver, world;

before(async () => {
  receiver = makeReceiver({ secrets: [NEW], token: HUBSPOT_TOKEN, hubspot: await listen(hubspot.server) });
  process.env.PAGE_WORLD_FEEDS = JSON.stringify([
    { name: "all", url: `${await listen(follower.server)}/hook`, secrets: [OLD, NEW] },
    { name: "hubspot", url: await listen(receiver), secrets: [OLD, NEW], tables: ["crm.contacts"], batch: 100 },
  ]);
  world = await World.start([`${process.cwd()}/contacts.yaml`]);
  await world.api("POST", "projects/crm/webhooks/apply", {});
});

after(async () => {
  const status = await world?.stop();
  for (const server of [follower.server, hubspot.server, receiver]) server?.close();
  assert.equal(status, 0);
});

const told = (feed) => eventually(`feed ${feed} to be told`, () => world.api("GET", `feeds/${feed}`), ({ state }) => state === "told");

test("what changes arrives signed by both secrets, each change once, and nothing for what changes nothing", async () => {
  const ada = await world.remember("ada", "Name is Ada King, works at Initech", { categories: ["support"] });
  await world.settled();
  await eventually("the contact", () => follower.messages, (messages) => messages.some(({ data }) => data.relation === "crm.notes"));
  await told("all");
  const entries = await world.sql("SELECT id, op FROM membridge.changes ORDER BY seq");
  assert.deepEqual(follower.messages.map(({ id, data }) => [id, data.op]), entries);
  const contact = follower.messages.find(({ data }) => data.relation === "crm.contacts");
  assert.equal(contact.type, "row.changed");
  assert.equal(contact.id, contact.data.id);
  assert.deepEqual(contact.data.cells.company, { old: null, new: "Initech", memory: ada });
  // The same again: read, applied, and nothing told.
  const before = follower.messages.length;
  await world.remember("ada", "Works at Initech");
  await world.settled();
  await told("all");
  assert.equal(follower.messages.length, before);
});

test("a follower that refuses is told again under the same id", async () => {
  follower.refusing = 1;
  const before = follower.messages.length;
  await world.remember("bob", "Name is Bob");
  await world.settled();
  await eventually("the failure", () => world.api("GET", "feeds/all"), ({ state }) => state === "failing");
  assert.deepEqual(await world.api("POST", "feeds/all/resume", {}), { feed: "all", changed: true });
  await told("all");
  const bob = follower.messages.slice(before).filter(({ data }) => data.op === "insert" && data.relation === "crm.contacts");
  assert.equal(bob.length, 1);
  assert.equal(bob[0].data.cells.name.new, "Bob");
  assert.equal(new Set(follower.messages.map(({ id }) => id)).size, follower.messages.length);
});

test("HubSpot has the contacts of the CRM, also after it was busy, and loses whom an erasure takes", async () => {
  hubspot.busy = 1;
  for (let i = 0; i < 30; ++i) await world.remember(`user-${i}`, `Name is Person ${i}, works at Globex`);
  await world.settled();
  await eventually("HubSpot to be busy", () => world.api("GET", "feeds/hubspot"), ({ state }) => state !== "behind");
  await world.api("POST", "feeds/hubspot/resume", {});
  await told("hubspot");
  const rows = await world.sql("SELECT id, name, coalesce(company, '') FROM crm.contacts ORDER BY id");
  assert.deepEqual([...hubspot.contacts].map(([id, { firstname, company }]) => [id, firstname, company ?? ""]).sort((a, b) => a[0] - b[0]), rows);
  assert.equal(rows.length, 32);
  assert.ok(hubspot.upserts <= 33);

  // A row of the feed that is gone goes from HubSpot, too.
  await world.sql("INSERT INTO membridge.changes (id, project, mapping, relation, key, op, cells) SELECT gen_random_uuid(), 'crm', '', 'crm.contacts', jsonb_build_object('id', min(id)), 'delete', '{}' FROM crm.contacts");
  await eventually("the contact to leave HubSpot", () => hubspot.contacts.size, (size) => size === 31);
});

test("a value that HubSpot refuses holds one contact, and the others go on", async () => {
  hubspot.refused = "Somebody";
  const firstNames = () => [...hubspot.contacts.values()].map(({ firstname }) => firstname);
  await world.remember("somebody", "Name is Somebody");
  for (const name of ["Cleo", "Dora", "Eve"]) await world.remember(name.toLowerCase(), `Name is ${name}`);
  await eventually("the others", firstNames, (names) => ["Cleo", "Dora", "Eve"].every((name) => names.includes(name)));
  const { parked } = await eventually("the refusal", () => world.api("GET", "feeds/hubspot"), ({ parked }) => parked.length === 1);
  assert.equal(parked[0].relation, "crm.contacts");
  assert.equal(parked[0].last_status, 422);
  hubspot.refused = undefined;
  await world.api("POST", "feeds/hubspot/resume", {});
  await told("hubspot");
  assert.ok(firstNames().includes("Somebody"));
});

test("the feeds are listed, tested, replayed and paused over the API", async () => {
  const { feeds } = await world.api("GET", "feeds");
  assert.deepEqual(feeds.map(({ feed }) => feed), ["all", "hubspot"]);
  assert.ok(feeds.every(({ address }) => /^http:\/\/127\.0\.0\.1:\d+$/.test(address)));
  assert.deepEqual(await world.api("POST", "feeds/all/test"), { feed: "all", ok: true, status: 204, problem: null });
  assert.equal(follower.messages.at(-1).type, "feed.test");
  follower.messages.length = 0;
  const count = await world.api("POST", "feeds/all/replay", { since: "2h", dry_run: true });
  assert.equal(count.done, false);
  const done = await world.api("POST", "feeds/all/replay", { since: "2h", expected_count: count.changes });
  assert.equal(done.changes, count.changes);
  await eventually("the replay", () => follower.messages.length, (length) => length >= count.changes);
  assert.deepEqual(await world.api("POST", "feeds/all/pause"), { feed: "all", changed: true });
  assert.equal((await world.api("GET", "feeds/all")).state, "paused");
  assert.equal((await world.api("GET", "feeds/none")).code, "not_found");
});

test("the receiver of the tutorial refuses what is not signed, and folds a batch to the last word", () => {
  const now = 1614265330;
  const headers = { "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": String(now), "webhook-signature": "v2,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" };
  const body = Buffer.from('{"test": 2432232314}');
  const secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
  assert.ok(isSigned(headers, body, secrets, now + 300));
  assert.ok(!isSigned(headers, body, secrets, now + 301));
  assert.ok(!isSigned(headers, Buffer.from("{}"), secrets, now));
  assert.ok(!isSigned({ ...headers, "webhook-signature": "v1,AAAA" }, body, secrets, now));
  assert.ok(!isSigned({ ...headers, "webhook-timestamp": "hello" }, body, secrets, now));
  assert.ok(!isSigned({}, body, secrets, now));
  const change = (op, id, cells) => ({ relation: "crm.contacts", key: { id }, op, cells });
  assert.deepEqual(
    foldChanges([
      change("insert", 1, { name: { new: "Ada" }, phone: { new: "1" } }),
      change("update", 1, { phone: { new: null } }),
      change("insert", 2, { name: { new: "Bob" } }),
      change("delete", 2, {}),
      change("delete", 3, {}),
      change("insert", 3, { name: { new: "Eve" } }),
      { ...change("insert", 4, {}), relation: "crm.notes" },
    ]),
    [
      { id: "1", gone: false, properties: { firstname: "Ada", phone: "" } },
      { id: "2", gone: true, properties: {} },
      { id: "3", gone: false, properties: { firstname: "Eve" } },
    ],
  );
});
