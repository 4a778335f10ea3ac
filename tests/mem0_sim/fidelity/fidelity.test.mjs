// Drives mem0-sim with Mem0's own client. What the client sends is compared on the server's side, as recorded by the simulator:
// the client renames the keys of answers, so what it returns proves less.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { createInterface } from "node:readline";
import { after, before, beforeEach, test } from "node:test";
import { MemoryClient } from "mem0ai";

const KEY = "m0-fidelity";
const EVERY_MEMORY = { OR: [{ user_id: "*" }, { agent_id: "*" }, { app_id: "*" }, { run_id: "*" }] };
const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";

let simulator;
let base;
let client;

/** The control plane. */
async function control(method, path, body) {
  const answer = await fetch(`${base}/_sim${path}`, { method, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

/** The API without the client: status and body. */
async function raw(method, path, body, key = KEY) {
  const headers = { Authorization: `Token ${key}`, "Content-Type": "application/json" };
  const answer = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  return [answer.status, await answer.json()];
}

/** The last request of an endpoint as it came off the wire. */
async function lastRequest(endpoint) {
  const requests = await control("GET", `/requests?endpoint=${endpoint}`);
  assert.ok(requests.length > 0, `no request of ${endpoint}`);
  const request = requests.at(-1);
  const headers = Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), value]));
  return { line: `${request.method} ${request.target}`, headers, body: request.body === "" ? undefined : JSON.parse(request.body) };
}

/** Asks until `found` is content; the deadline of the test ends it. */
async function eventually(ask, found) {
  for (;;) {
    const answer = await ask();
    if (found(answer)) return answer;
    await new Promise((resume) => setTimeout(resume, 5));
  }
}

const addFact = (text, options) => client.add([{ role: "user", content: text }], { userId: "alice", infer: false, ...options });

before(async () => {
  simulator = spawn(process.env.MEM0_SIM, ["--api-key", KEY, "--project-id", "proj_x", "--org-id", "org_x"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface(simulator.stdout), "line");
  base = line.match(/http:\/\/\S+/)[0];
  client = new MemoryClient({ apiKey: KEY, host: base });
  await client.ping();
});

after(async () => {
  simulator.kill("SIGTERM");
  const [code] = await once(simulator, "exit");
  assert.equal(code, 0, "SIGTERM ends it with status 0");
});

beforeEach(async () => {
  await control("DELETE", "/faults");
});

test("ping: the client learns the project from it", { timeout: 10_000 }, async () => {
  const { line, headers } = await lastRequest("ping");
  assert.equal(line, "GET /v1/ping/");
  assert.equal(headers.authorization, `Token ${KEY}`);
  assert.equal(client.projectId, "proj_x");
  assert.equal(client.organizationId, "org_x");
});

test("a wrong key is refused in the documented words", { timeout: 10_000 }, async () => {
  const stranger = new MemoryClient({ apiKey: "m0-wrong", host: base });
  await assert.rejects(stranger.get(UNKNOWN_ID), (error) => error.name === "AuthenticationError" && error.errorCode === "HTTP_401");
  assert.deepEqual(await raw("GET", "/v1/ping/", undefined, "m0-wrong"), [
    401,
    { detail: "Invalid API key. You can find your API key on https://app.mem0.ai/dashboard/api-keys." },
  ]);
});

test("webhooks: create, list, update, delete", { timeout: 10_000 }, async () => {
  const created = await client.createWebhook({
    name: "bridge", url: "https://b.example/hook", projectId: "other", eventTypes: ["memory_add", "memory_update"], isActive: false,
  });
  let sent = await lastRequest("webhooks.create");
  assert.equal(sent.line, "POST /api/v1/webhooks/projects/proj_x/");
  assert.deepEqual(sent.body, { name: "bridge", url: "https://b.example/hook", event_types: ["memory_add", "memory_update"] });
  assert.equal(sent.headers["content-type"], "application/json");
  assert.equal(sent.headers["x-mem0-client"], "mem0-js/3.3.1");
  assert.equal(sent.headers["mem0-user-id"], "dev@example.com");
  assert.equal(typeof created.webhookId, "string");
  assert.equal(created.project, "default-project");
  assert.equal(created.isActive, true);

  const [listed] = await client.getWebhooks();
  assert.deepEqual(listed, created);
  assert.equal((await lastRequest("webhooks.list")).line, "GET /api/v1/webhooks/projects/proj_x/");
  const [, [object]] = await raw("GET", "/api/v1/webhooks/projects/proj_x/");
  assert.deepEqual(Object.keys(object).sort(),
    ["created_at", "event_types", "is_active", "name", "owner", "project", "updated_at", "url", "webhook_id"]);

  const { webhookId } = created;
  const updated = await client.updateWebhook({ webhookId, name: "n2", url: "https://b.example/h2", eventTypes: ["memory_add"], isActive: false });
  assert.deepEqual(updated, { message: "Webhook updated successfully" });
  sent = await lastRequest("webhooks.update");
  assert.equal(sent.line, `PUT /api/v1/webhooks/${webhookId}/`);
  assert.deepEqual(sent.body, { name: "n2", url: "https://b.example/h2", event_types: ["memory_add"] });
  const [changed] = await client.getWebhooks();
  assert.deepEqual([changed.name, changed.url, changed.eventTypes, changed.isActive], ["n2", "https://b.example/h2", ["memory_add"], true]);
  await raw("PUT", `/api/v1/webhooks/${webhookId}/`, { is_active: false });
  assert.equal((await client.getWebhooks())[0].isActive, true, "PUT does not know is_active");

  assert.deepEqual(await client.deleteWebhook({ webhookId }), { message: "Webhook deleted successfully" });
  assert.deepEqual(await client.getWebhooks(), []);
  assert.deepEqual(await raw("DELETE", `/api/v1/webhooks/${webhookId}/`), [404, { error: "Webhook not found" }]);
});

test("webhooks: field errors, foreign projects, duplicates", { timeout: 10_000 }, async () => {
  const path = "/api/v1/webhooks/projects/proj_x/";
  const required = ["This field is required."];
  assert.deepEqual(await raw("POST", path, {}), [400, { name: required, url: required, event_types: required }]);
  const [status, errors] = await raw("POST", path, { name: "n", url: "https://b.example", event_types: ["memory:add"] });
  assert.equal(status, 400);
  assert.deepEqual(Object.keys(errors), ["event_types"]);
  await assert.rejects(client.getWebhooks({ projectId: "other" }),
    (error) => error.errorCode === "HTTP_403" && error.message.includes("You don't have access to this project"));
  const twin = { name: "twin", url: "https://b.example/twin", eventTypes: ["memory_add"] };
  const [one, two] = [await client.createWebhook(twin), await client.createWebhook(twin)];
  assert.notEqual(one.webhookId, two.webhookId);
  for (const { webhookId } of [one, two]) await client.deleteWebhook({ webhookId });
});

test("add with infer:false is synchronous and is sent as recorded", { timeout: 10_000 }, async () => {
  const answer = await client.add([{ role: "user", content: "I live in Berlin" }], {
    userId: "alice", metadata: { homeTown: { inCase: 1 } }, infer: false, expirationDate: "2999-01-31", timestamp: 1721577600,
  });
  assert.equal(answer.status, "SUCCEEDED");
  assert.equal(answer.results[0].data.memory, "I live in Berlin");
  assert.equal(answer.results[0].event, "ADD");
  const sent = await lastRequest("memories.add");
  assert.equal(sent.line, "POST /v3/memories/add/");
  assert.deepEqual(sent.body, {
    messages: [{ role: "user", content: "I live in Berlin" }], user_id: "alice", metadata: { homeTown: { inCase: 1 } }, infer: false,
    expiration_date: "2999-01-31", timestamp: 1721577600,
  });
  const memory = await client.get(answer.results[0].id);
  assert.equal(memory.memory, "I live in Berlin");
  assert.equal(memory.userId, "alice");
  assert.deepEqual(memory.metadata, { homeTown: { inCase: 1 } });
  assert.equal(memory.expirationDate, "2999-01-31");
  assert.equal(new Date(memory.createdAt).getTime(), 1721577600_000);
  assert.equal(memory.structuredAttributes.dayOfWeek, "sunday");
  assert.equal(memory.lifecycleState, "active");
  assert.equal(memory.sessionId, null);
});

test("add with inference is asynchronous: PENDING, then an event that succeeded", { timeout: 10_000 }, async () => {
  const answer = await client.add([{ role: "user", content: "I collect stamps" }, { role: "assistant", content: "Noted." }], { userId: "ivy" });
  assert.equal(answer.status, "PENDING");
  const [, event] = await eventually(() => raw("GET", `/v1/event/${answer.eventId}/`), ([, body]) => body.status === "SUCCEEDED");
  assert.equal(event.event_type, "ADD");
  assert.deepEqual(event.results.map((result) => result.data.memory), ["I collect stamps"]);
  assert.deepEqual(await raw("GET", `/v1/event/${UNKNOWN_ID}/`), [404, { error: "Event not found or you don't have permission to access it." }]);
});

test("get: unknown, malformed", { timeout: 10_000 }, async () => {
  await assert.rejects(client.get(UNKNOWN_ID), (error) => error.name === "MemoryNotFoundError" && error.message.includes("Memory not found!"));
  assert.deepEqual(await raw("GET", `/v1/memories/${UNKNOWN_ID}/`), [404, { error: "Memory not found!" }]);
  assert.deepEqual(await raw("GET", "/v1/memories/ej6pq/"), [400, { error: "memory_id should be a valid UUID" }]);
});

test("getAll pages through filtered memories", { timeout: 10_000 }, async () => {
  await control("POST", "/load", { users: 1, memories: 120, user_id: "pager", metadata: { kind: "bulk" } });
  const filters = { AND: [{ user_id: "pager" }, { metadata: { kind: "bulk" } }] };
  const seen = new Set();
  for (let page = 1; ; ++page) {
    const answer = await client.getAll({ filters, page, pageSize: 50 });
    assert.equal(answer.count, 120);
    for (const memory of answer.results) seen.add(memory.id);
    if (answer.next === null) break;
    assert.equal(answer.next, `${base}/v3/memories/?page=${page + 1}&page_size=50`);
  }
  assert.equal(seen.size, 120);
  assert.equal((await lastRequest("memories.list")).line, "POST /v3/memories/?page=3&page_size=50");
  await assert.rejects(client.getAll({ filters, page: 9 }), (error) => error.message.includes("Invalid page."));

  await client.getAll({ filters, page: 2, pageSize: 50, showExpired: true, latestOnly: true, startDate: "2026-01-01", endDate: "2026-02-01", categories: ["x"] });
  assert.deepEqual((await lastRequest("memories.list")).body,
    { show_expired: true, latest_only: true, start_date: "2026-01-01", end_date: "2026-02-01", categories: ["x"], filters });
});

test("getAll: what is refused", { timeout: 10_000 }, async () => {
  for (const filters of [undefined, {}, { userId: "alice" }, { created_at: { gte: "2026-01-01" } }, { NOT: [{ user_id: "alice" }] }]) {
    await assert.rejects(client.getAll({ filters }), (error) => error.errorCode === "HTTP_400", JSON.stringify(filters));
  }
  assert.equal((await raw("POST", "/v3/memories/", { user_id: "alice" }))[0], 400);
  assert.deepEqual(await raw("POST", "/v2/memories/", {}),
    [400, { message: "One of the filters: app_id, user_id, agent_id, run_id is required!" }]);
});

test("memories by id, with every entity, are found in one call", { timeout: 10_000 }, async () => {
  const ids = [];
  for (const options of [{ userId: "u1" }, { userId: undefined, agentId: "a1" }, { userId: undefined, runId: "r1" }]) {
    ids.push((await addFact("to be found", options)).results[0].id);
  }
  const { results } = await client.getAll({ filters: { AND: [EVERY_MEMORY, { memory_ids: ids }] } });
  assert.deepEqual(results.map((memory) => memory.id).sort(), ids.sort());
  assert.ok(results.every((memory) => !("lifecycleState" in memory)));
});

test("search finds by text", { timeout: 10_000 }, async () => {
  await addFact("The parrot is called Polly", { userId: "pat" });
  await addFact("Drives a truck", { userId: "pat" });
  const { results } = await client.search("parrot", { filters: { user_id: "pat" }, topK: 5 });
  assert.deepEqual(results.map((memory) => memory.memory), ["The parrot is called Polly"]);
  assert.deepEqual((await lastRequest("memories.search")).body,
    { query: "parrot", output_format: "v1.1", top_k: 5, filters: { user_id: "pat" } });
});

test("update, history, delete", { timeout: 10_000 }, async () => {
  const { id } = (await addFact("old text", { userId: "hal" })).results[0];
  const updated = await client.update(id, { text: "new text", metadata: { a: 1 }, expirationDate: null });
  assert.equal(updated.memory, "new text");
  const sent = await lastRequest("memories.update");
  assert.equal(sent.line, `PUT /v1/memories/${id}/`);
  assert.deepEqual(sent.body, { text: "new text", metadata: { a: 1 }, expiration_date: null });
  assert.deepEqual(await client.delete(id, { deleteLinked: true }), { message: "Memory deleted successfully!", cascadeCount: 0 });
  assert.equal((await lastRequest("memories.delete")).line, `DELETE /v1/memories/${id}/?delete_linked=true`);
  const history = await client.history(id);
  assert.deepEqual(history.map((entry) => [entry.event, entry.oldMemory, entry.newMemory]),
    [["ADD", null, "old text"], ["UPDATE", "old text", "new text"], ["DELETE", "new text", null]]);
  assert.deepEqual([history[0].memoryId, history[0].userId], [id, "hal"]);
  const [, feed] = await raw("GET", "/v1/memories/events/?page=1&limit=2");
  assert.deepEqual(feed.results.map((entry) => entry.event), ["DELETE", "UPDATE"]);
  await assert.rejects(client.delete(id), (error) => error.errorCode === "HTTP_404");
});

test("batches", { timeout: 10_000 }, async () => {
  const ids = [];
  for (const text of ["one", "two"]) ids.push((await addFact(text, { userId: "batch" })).results[0].id);
  assert.deepEqual(await client.batchUpdate(ids.map((memoryId) => ({ memoryId, text: "changed" }))), { message: "Successfully updated 2 memories" });
  assert.equal((await client.get(ids[1])).memory, "changed");
  assert.deepEqual(await client.batchDelete(ids), { message: "Successfully deleted 2 memories" });
  assert.deepEqual((await lastRequest("memories.batch_delete")).body, { memories: ids.map((memory_id) => ({ memory_id })) });
  const [status, body] = await raw("DELETE", "/v1/batch/", { memories: Array(1001).fill({ memory_id: UNKNOWN_ID }) });
  assert.equal(status, 400);
  assert.match(body.error, /^Maximum of 1000 /);
});

test("deleteAll and deleteUsers answer before it happens", { timeout: 10_000 }, async () => {
  for (const remove of [() => client.deleteAll({ userId: "leaving" }), () => client.deleteUsers({ userId: "leaving" })]) {
    await addFact("soon gone", { userId: "leaving" });
    await remove();
    const filters = { user_id: "leaving" };
    await eventually(() => client.getAll({ filters }), (answer) => answer.count === 0);
  }
  assert.equal((await lastRequest("memories.delete_all")).line, "DELETE /v1/memories/?user_id=leaving");
  assert.equal((await lastRequest("entities.delete")).line, "DELETE /v2/entities/user/leaving/");
  assert.equal((await raw("DELETE", "/v1/memories/"))[0], 400);
});

test("users: every kind of entity, by pages; the name is the user_id", { timeout: 10_000 }, async () => {
  await addFact("hello", { userId: "x/y z@example.com" });
  const answer = await client.users({ page: 1, pageSize: 3 });
  assert.equal((await lastRequest("entities.list")).line, "GET /v1/entities/?page=1&page_size=3");
  assert.equal(answer.results.length, 3);
  assert.ok(answer.totalUsers > 3 && answer.totalAgents === 1 && answer.totalRuns === 1);
  const all = await client.users({ pageSize: 1000 });
  assert.equal(all.count, all.results.length);
  assert.ok(all.results.some((entity) => entity.type === "agent" && entity.name === "a1"));
  const odd = all.results.find((entity) => entity.name === "x/y z@example.com");
  assert.notEqual(odd.id, odd.name);
  const [status, details] = await raw("GET", `/v2/entities/user/${encodeURIComponent(odd.name)}/`);
  assert.deepEqual([status, details[0].name], [200, odd.name]);
  assert.deepEqual(await raw("GET", "/v2/entities/cat/tom/"), [400, { message: "Invalid entity type" }]);
});

test("exports: create, not ready, ready, flat filters refused", { timeout: 10_000 }, async () => {
  await addFact("lives in Rome", { userId: "eve", metadata: { city: "Rome", fullName: "Eve" } });
  await addFact("moved to Oslo", { userId: "eve", metadata: { city: "Oslo" } });
  const schema = { title: "P", type: "object", properties: { city: { type: "string" }, fullName: { type: "string" }, age: { type: "integer" } } };
  const filters = { AND: [{ user_id: "eve" }] };
  const created = await client.createMemoryExport({ schema, filters, exportInstructions: "Use newest", orgId: "o", projectId: "p" });
  assert.deepEqual((await lastRequest("exports.create")).body,
    { export_instructions: "Use newest", org_id: "o", project_id: "p", filters, schema });
  assert.equal(created.message, "Memory export request received. The export will be ready in a few seconds.");
  const ask = { memory_export_id: created.id };
  const [, instance] = await eventually(async () => {
    const answer = await raw("POST", "/v1/exports/get/", ask);
    if (answer[0] !== 200) assert.deepEqual(answer, [404, { error: "No memory export request found" }]);
    return answer;
  }, ([status]) => status === 200);
  assert.deepEqual(instance, { city: "Oslo", fullName: "Eve", age: null });
  assert.deepEqual(await client.getMemoryExport({ memoryExportId: created.id }), instance);
  assert.deepEqual((await lastRequest("exports.get")).body, ask);
  assert.deepEqual(await client.getMemoryExport({ filters }), instance);

  const refusal = "One of the filters: app_id, user_id, agent_id, run_id, memory_export_id is required!";
  assert.deepEqual(await raw("POST", "/v1/exports/", { schema, filters: { user_id: "eve" } }), [400, { error: refusal }]);
  assert.deepEqual(await raw("POST", "/v1/exports/", { filters }), [400, { message: "Schema is required and must be a valid object" }]);
  assert.deepEqual(await raw("POST", "/v1/exports/get/", {}),
    [400, { message: "One of the filters: app_id, user_id, agent_id, run_id is required!" }]);
  assert.equal((await raw("POST", "/v1/exports/get/", { memory_export_id: UNKNOWN_ID }))[0], 404);
});

test("exports: scripted misbehaviour, and the end after seven days", { timeout: 10_000 }, async () => {
  await control("PUT", "/exports", { ready_after_ms: 0, users: { odd: { patch: { age: "seven", extra: 1, city: "None" } }, slow: { never_ready: true } } });
  const exportOf = async (user) => {
    const [, { id }] = await raw("POST", "/v1/exports/", { schema: { properties: { city: {}, age: {} } }, filters: { AND: [{ user_id: user }] } });
    return () => raw("POST", "/v1/exports/get/", { memory_export_id: id });
  };
  const [odd, slow] = [await exportOf("odd"), await exportOf("slow")];
  assert.deepEqual(await odd(), [200, { age: "seven", extra: 1, city: "None" }]);
  assert.equal((await slow())[0], 404);
  await control("POST", "/clock", { advance_seconds: 7 * 86400 });
  assert.equal((await odd())[0], 404);
});

test("profiles: not enabled, then generated once per idempotency key", { timeout: 10_000 }, async () => {
  await addFact("likes chess", { userId: "pro", metadata: { hobby: "chess" } });
  assert.equal((await client.getProfile({ entityId: "pro" })).status, "not_enabled");
  await client.updateProfileSettings({ enabled: true, schema: { type: "object", properties: { hobby: { type: "string", description: "d" } } } });
  assert.deepEqual(Object.keys((await client.getProfileSettings()).entities.user.schema.properties), ["hobby"]);
  const job = await client.generateProfile({ entityId: "pro", idempotencyKey: "k1" });
  const sent = await lastRequest("profiles.begin");
  assert.deepEqual([sent.line, sent.headers["idempotency-key"]], ["POST /v2/profiles/jobs/", "k1"]);
  assert.deepEqual(sent.body, { operation: "trigger", entity_type: "user", entity_id: "pro" });
  assert.equal((await client.generateProfile({ entityId: "pro", idempotencyKey: "k1" })).jobId, job.jobId);
  const profile = await eventually(() => client.getProfile({ entityId: "pro" }), (answer) => answer.status === "succeeded");
  assert.deepEqual([profile.profile, profile.generationCount], [{ hobby: "chess" }, 1]);
  assert.equal((await client.getProfileJob(job.statusUrl)).job.status, "succeeded");
});

test("projects and the odds and ends of the account", { timeout: 10_000 }, async () => {
  const project = await client.getProject({ fields: ["customCategories", "name"] });
  assert.equal((await lastRequest("projects.get")).line, "GET /api/v1/orgs/organizations/org_x/projects/proj_x/?fields=custom_categories&fields=name");
  assert.equal(project.projectId, "proj_x");
  assert.deepEqual(await client.updateProject({ customInstructions: "i" }), { message: "Project updated successfully" });
  assert.deepEqual(await raw("GET", "/api/v1/orgs/organizations/org_x/projects/other/"), [404, { message: "Organization or project not found" }]);
  assert.equal((await raw("GET", "/api/v1/orgs/organizations/"))[1][0].org_id, "org_x");
  assert.equal((await raw("GET", "/api/v1/orgs/organizations/org_x/projects/"))[1][0].name, "default-project");
  assert.equal((await raw("POST", "/v1/summary/", { filters: { user_id: "eve" } }))[1].length, 1);
  assert.ok((await raw("GET", "/v1/stats/"))[1].total_memories > 100);
});

test("a project's instructions and categories are set and read back, and wrong ones are said at their field", { timeout: 10_000 }, async () => {
  const path = "/api/v1/orgs/organizations/org_x/projects/proj_x/";
  assert.deepEqual(await client.updateProject({ customInstructions: "Only hobbies", customCategories: [{ support: "Complaints" }] }),
    { message: "Project updated successfully" });
  const sent = await lastRequest("projects.update");
  assert.equal(sent.line, `PATCH ${path}`);
  assert.deepEqual(sent.body, { custom_instructions: "Only hobbies", custom_categories: [{ support: "Complaints" }] });
  const project = await client.getProject({ fields: ["customCategories", "customInstructions"] });
  assert.equal(project.customInstructions, "Only hobbies");
  assert.deepEqual(project.customCategories, [{ support: "Complaints" }]);
  assert.deepEqual(await raw("PATCH", path, { custom_categories: "support" }), [400, { custom_categories: ["Expected a list of dictionaries."] }]);
  await client.updateProject({ customInstructions: null, customCategories: null });
});

test("feedback is taken for memories there are, in the documented words", { timeout: 10_000 }, async () => {
  const { id } = (await addFact("Feedback is wanted", { userId: "critic" })).results[0];
  const given = await client.feedback({ memoryId: id, feedback: "NEGATIVE", feedbackReason: "wrong" });
  assert.deepEqual([given.feedback, given.feedbackReason], ["NEGATIVE", "wrong"]);
  const sent = await lastRequest("feedback");
  assert.equal(sent.line, "POST /v1/feedback/");
  assert.deepEqual(sent.body, { memory_id: id, feedback: "NEGATIVE", feedback_reason: "wrong" });
  assert.deepEqual(await raw("POST", "/v1/feedback/", { memory_id: id, feedback: "GREAT" }), [400, { feedback: ['"GREAT" is not a valid choice.'] }]);
  assert.equal((await raw("POST", "/v1/feedback/", { feedback: null }))[0], 400);
  await client.delete(id);
});

test("projects, organizations, members and entities are made and deleted", { timeout: 10_000 }, async () => {
  const organizations = "/api/v1/orgs/organizations/";
  assert.deepEqual(await raw("POST", organizations, {}), [400, { errors: { name: ["This field is required."] } }]);
  const [, { org_id: organization }] = await raw("POST", organizations, { name: "other" });
  const [, { project_id: project }] = await raw("POST", `${organizations}${organization}/projects/`, { name: "second" });
  for (const path of [`${organizations}${organization}/members/`, `${organizations}${organization}/projects/${project}/members/`]) {
    assert.ok((await raw("POST", path, { email: "bob@example.test", role: "READER" }))[0] < 300);
    assert.equal((await raw("PUT", path, { email: "bob@example.test", role: "OWNER" }))[0], 200);
    assert.equal((await raw("GET", path))[1].members[1].role, "OWNER");
    assert.equal((await raw("PUT", path, { email: "eve@example.test", role: "OWNER" }))[0], 404);
    assert.equal((await raw("DELETE", `${path}?email=bob%40example.test`, { email: "bob@example.test" }))[0], 200);
  }
  assert.equal((await raw("DELETE", `${organizations}org_x/`))[0], 403);
  assert.equal((await raw("DELETE", `${organizations}${organization}/`))[0], 200);
  assert.equal((await raw("GET", `${organizations}${organization}/projects/${project}/`))[0], 404);

  assert.deepEqual(await raw("POST", "/v1/agents/", { agent_id: "bot" }), [400, { name: ["This field is required."] }]);
  assert.equal((await raw("POST", "/v1/agents/", { agent_id: "bot", name: "Bot" }))[0], 201);
  assert.equal((await raw("POST", "/v1/users/", { user_id: "newcomer" }))[0], 201);
  assert.ok((await client.users()).results.some(({ name, type }) => name === "newcomer" && type === "user"));
  assert.ok((await raw("GET", "/v1/entities/filters/"))[1].users.includes("newcomer"));
  const [, events] = await raw("GET", "/v1/events/?event_type=ADD&start_date=2000-01-01&page_size=1");
  assert.ok(events.results.every(({ event_type }) => event_type === "ADD"));
  assert.equal((await raw("GET", "/v1/events/?start_date=2999-01-01"))[1].count, 0);
});

test("deliveries have the documented bodies and no header of their own", { timeout: 10_000 }, async () => {
  const deliveries = [];
  const receiver = http.createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      deliveries.push({ method: request.method, url: request.url, headers: request.headers, body: JSON.parse(body) });
      response.end();
    });
  });
  await once(receiver.listen(0, "127.0.0.1"), "listening");
  await control("PUT", "/delivery", { concurrency: 1 });
  const url = `http://127.0.0.1:${receiver.address().port}/hook?secret=1`;
  const { webhookId } = await client.createWebhook({ name: "n", url, eventTypes: ["memory_add", "memory_update", "memory_delete", "memory_categorize"] });
  const { id } = (await addFact("Name is Alex", { userId: "alex" })).results[0];
  await control("PUT", `/memories/${id}/categories`, { categories: ["hobbies", "travel"] });
  await client.update(id, { text: "Name is Alexa" });
  await client.delete(id);
  await eventually(() => control("GET", "/idle"), ({ idle }) => idle);
  await client.deleteWebhook({ webhookId });
  receiver.closeAllConnections();
  receiver.close();

  assert.deepEqual(deliveries.map((delivery) => delivery.body), [
    { event_details: { id, data: { memory: "Name is Alex" }, event: "ADD" } },
    { event_details: { event: "CATEGORIZE", memory_id: id, categories: ["hobbies", "travel"] } },
    { event_details: { id, data: { memory: "Name is Alexa" }, event: "UPDATE" } },
    { event_details: { id, data: { memory: "Name is Alexa" }, event: "DELETE" } },
  ]);
  for (const { method, url: path, headers } of deliveries) {
    assert.deepEqual([method, path], ["POST", "/hook?secret=1"]);
    assert.deepEqual(Object.keys(headers).sort(), ["content-length", "content-type", "host"]);
  }
});

test("rate limits and HTML errors reach the client as errors", { timeout: 10_000 }, async () => {
  await control("PUT", "/faults", { rate_limited: 1, retry_after: "date", retry_after_seconds: 3 });
  await assert.rejects(client.get(UNKNOWN_ID), (error) => error.name === "RateLimitError");
  const answer = await fetch(`${base}/v1/ping/`, { headers: { Authorization: `Token ${KEY}` } });
  assert.ok(new Date(answer.headers.get("retry-after")) > new Date());
  await control("PUT", "/faults", { rate_limited: 0, html: 1 });
  await assert.rejects(client.get(UNKNOWN_ID), (error) => error.errorCode === "HTTP_502" && error.message.includes("<html>"));
});
