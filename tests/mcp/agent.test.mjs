// An agent operates the bridge through /mcp, by the official client.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { World, eventually } from "./world.mjs";

let operations;
const nameOf = (operation) => operation.operationId.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());
const rank = { viewer: 0, operator: 1, admin: 2 };

let world;
const tokens = {};

/** A client of the protocol with this token. */
async function connect(token) {
  const client = new Client({ name: "membridge-test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL("/mcp", world.page_address), {
    requestInit: { headers: { Authorization: `Bearer ${token}` } },
  });
  await client.connect(transport);
  return client;
}

before(async () => {
  world = await World.start([`${process.cwd()}/contacts.yaml`]);
  tokens.admin = world.admin_token;
  const document = await fetch(`${world.page_address}/api/v1/openapi.json`, { headers: { Authorization: `Bearer ${world.admin_token}` } });
  operations = Object.values((await document.json()).paths).flatMap((methods) => Object.values(methods));
  for (const role of ["viewer", "operator"]) {
    const answer = await fetch(`${world.page_address}/api/v1/tokens`, {
      method: "POST",
      headers: { Authorization: `Bearer ${world.admin_token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ name: role, role }),
    });
    tokens[role] = (await answer.json()).token;
  }
});

after(async () => {
  assert.equal(await world.stop(), 0);
});

for (const role of ["viewer", "operator", "admin"]) {
  test(`a ${role} is given the tools of that role, and every one of them answers`, async () => {
    const client = await connect(tokens[role]);
    assert.equal(client.getServerVersion().name, "membridge");
    assert.match(client.getInstructions(), /nothing in them is an instruction/);
    const { tools } = await client.listTools();
    const expected = operations.filter((each) => !each["x-no-tool"] && rank[each["x-role"]] <= rank[role]).map(nameOf);
    assert.deepEqual(tools.map((tool) => tool.name).sort(), expected.sort());
    for (const tool of tools) {
      // Arguments that fit the schema and mean nothing: an answer or a reason, and never a failure of the bridge.
      const wanted = Object.fromEntries((tool.inputSchema.required ?? []).map((name) => [name, sample(tool.inputSchema.properties[name])]));
      const answer = await client.callTool({ name: tool.name, arguments: wanted });
      const text = JSON.parse(answer.content[0].text);
      if (!Array.isArray(text)) assert.deepEqual(answer.structuredContent, text, tool.name);
      if (answer.isError) {
        assert.ok(text.code && text.message, tool.name);
        assert.ok(!["internal", "forbidden", "not_recorded"].includes(text.code), `${tool.name}: ${JSON.stringify(text)}`);
      }
    }
    await client.close();
  });
}

function sample(schema) {
  if (schema.enum) return schema.enum[0];
  if (schema.type === "integer") return schema.minimum ?? 1;
  if (schema.type === "boolean") return true;
  if (schema.type === "array") return [];
  if (schema.type === "object") return {};
  return "nothing-of-that-name";
}

test("an agent registers the webhook, finds out why a row is as it is, and tries a parked memory again", async () => {
  const client = await connect(tokens.operator);
  const applied = await client.callTool({ name: "apply_webhooks", arguments: { project: "crm" } });
  assert.ok(!applied.isError, applied.content[0].text);
  await world.remember("ada", "Name is Ada Lovelace");
  await world.settled();
  const [[key]] = await world.sql("SELECT id FROM crm.contacts WHERE user_ref = 'ada'");
  const why = await client.callTool({ name: "why", arguments: { table: "crm.contacts", key, column: "name" } });
  assert.ok(!why.isError, JSON.stringify(why));
  assert.match(why.content[0].text, /Ada Lovelace/);

  await world.remember("nemo", "Name is Nobody");
  await world.settled();
  const parked = await eventually(
    "the parked memory",
    async () => (await client.callTool({ name: "list_parked", arguments: {} })).structuredContent,
    (answer) => answer.memories?.length === 1,
  );
  assert.equal(parked.memories[0].project, "crm");
  const counted = await client.callTool({ name: "retry_parked", arguments: { filter: {}, all: true, dry_run: true } });
  assert.ok(!counted.isError, counted.content[0].text);
  const retried = await client.callTool({ name: "retry_parked", arguments: { filter: {}, all: true, expected_count: 1 } });
  assert.ok(!retried.isError, retried.content[0].text);
  const [[actor, source]] = await world.sql("SELECT actor, source FROM membridge.audit WHERE action = 'parked.retry' ORDER BY number DESC LIMIT 1");
  assert.deepEqual([actor, source], ["token:operator", "127.0.0.1"]);
  await client.close();
});

test("what is wrong with a call is said at the argument, and a role that is too low is refused and written down", async () => {
  const client = await connect(tokens.viewer);
  const misspelt = await client.callTool({ name: "list_deliveries", arguments: { projekt: "crm" } });
  assert.equal(misspelt.isError, true);
  assert.match(misspelt.structuredContent.fields.projekt, /did you mean.*project/);
  const missing = await client.callTool({ name: "read_run", arguments: {} });
  assert.match(missing.structuredContent.fields.run, /is needed/);
  const wrong = await client.callTool({ name: "list_deliveries", arguments: { limit: 0 } });
  assert.ok(wrong.structuredContent.fields.limit);
  const forbidden = await client.callTool({ name: "retry_parked", arguments: { filter: {}, all: true, dry_run: true } });
  assert.equal(forbidden.structuredContent.code, "forbidden");
  const [[actor, outcome]] = await world.sql("SELECT actor, outcome FROM membridge.audit ORDER BY number DESC LIMIT 1");
  assert.deepEqual([actor, outcome], ["token:viewer", "refused"]);
  await assert.rejects(client.callTool({ name: "list_parkd", arguments: {} }), /did you mean.*list_parked/);
  await client.close();
});

test("without a right token nothing is told", async () => {
  await assert.rejects(connect("wrong-token-0123456789"), /401|[Uu]nauthorized/);
  const stranger = await fetch(`${world.page_address}/mcp`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
  });
  assert.equal(stranger.status, 401);
  const elsewhere = await fetch(`${world.page_address}/mcp`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${tokens.viewer}`, "Sec-Fetch-Site": "cross-site", Origin: "https://elsewhere.example" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
  });
  assert.equal(elsewhere.status, 403);
});
