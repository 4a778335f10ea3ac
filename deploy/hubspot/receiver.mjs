// Keeps HubSpot contacts equal to crm.contacts: receives the change feed and upserts what changed. Plain Node 18 or later, no packages.
//   FEED_SECRET=whsec_… HUBSPOT_TOKEN=pat-… node receiver.mjs
// The tutorial is docs/how-to/hubspot.md.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const TOLERANCE_SECONDS = 300;
const LARGEST_BODY = 5 * 1024 * 1024;
const AT_ONCE = 100; // what HubSpot takes in one batch

/** The unique property of HubSpot contacts that holds the row's key, and the property of each column. */
const KEY_PROPERTY = "membridge_id";
const PROPERTIES = { name: "firstname", email: "email", phone: "phone", company: "company" };

/** Whether one of the secrets signed the message, not long ago. */
export function isSigned(headers, body, secrets, now = Date.now() / 1000) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (!id || !signatures || !/^[1-9]\d{0,10}$/.test(timestamp ?? "") || Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const expected = secrets.map((secret) =>
    createHmac("sha256", Buffer.from(secret.replace(/^whsec_/, ""), "base64")).update(`${id}.${timestamp}.`).update(body).digest());
  return signatures.split(" ").some((signature) => {
    const [version, text] = signature.split(",");
    const given = Buffer.from(text ?? "", "base64");
    return version === "v1" && expected.some((one) => one.length === given.length && timingSafeEqual(one, given));
  });
}

/** What HubSpot is told of these changes: of each contact the last word on each property, and whether it is gone. */
export function foldChanges(changes) {
  const contacts = new Map();
  for (const { relation, key, op, cells } of changes) {
    if (relation !== "crm.contacts") continue;
    const id = String(key.id);
    if (op === "delete") {
      contacts.set(id, { id, gone: true, properties: {} });
      continue;
    }
    const contact = contacts.get(id)?.gone === false ? contacts.get(id) : { id, gone: false, properties: {} };
    for (const [column, cell] of Object.entries(cells)) {
      // HubSpot empties a property that is set to "".
      if (PROPERTIES[column] && "new" in cell) contact.properties[PROPERTIES[column]] = cell.new ?? "";
    }
    contacts.set(id, contact);
  }
  return [...contacts.values()];
}

/** What the bridge answers to: 422 for a value that HubSpot refuses (only that contact waits), else the whole message later again. */
class Refusal extends Error {
  constructor(status, retryAfter) {
    super(`HubSpot answered ${status}`);
    Object.assign(this, { status: { 400: 422, 429: 429 }[status] ?? 503, retryAfter });
  }
}

export function makeReceiver({ secrets, token, hubspot = "https://api.hubapi.com" }) {
  const call = async (method, path, body) => {
    const answer = await fetch(hubspot + path, {
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(10_000), // the bridge waits 15 s for us
    });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Refusal(answer.status, answer.headers.get("retry-after"));
    return answer.status === 204 ? {} : answer.json();
  };

  const tellHubSpot = async (changes) => {
    const contacts = foldChanges(changes);
    const alive = contacts.filter((contact) => !contact.gone);
    for (let first = 0; first < alive.length; first += AT_ONCE) {
      const inputs = alive.slice(first, first + AT_ONCE).map(({ id, properties }) => ({
        idProperty: KEY_PROPERTY, id, properties: { [KEY_PROPERTY]: id, ...properties },
      }));
      await call("POST", "/crm/v3/objects/contacts/batch/upsert", { inputs });
    }
    for (const { id } of contacts.filter((contact) => contact.gone)) {
      const contact = await call("GET", `/crm/v3/objects/contacts/${encodeURIComponent(id)}?idProperty=${KEY_PROPERTY}`);
      if (contact) await call("DELETE", `/crm/v3/objects/contacts/${contact.id}`);
    }
  };

  return createServer(async (request, response) => {
    const say = (status, headers = {}) => response.writeHead(status, headers).end();
    try {
      const parts = [];
      let size = 0;
      for await (const part of request) {
        parts.push(part);
        if ((size += part.length) > LARGEST_BODY) return say(413);
      }
      const body = Buffer.concat(parts);
      if (!isSigned(request.headers, body, secrets)) return say(401);
      const { type, data } = JSON.parse(body);
      if (type === "row.changed") await tellHubSpot([data]);
      if (type === "rows.changed") await tellHubSpot(data.changes);
      say(204); // also for messages that we do not know, such as feed.test
    } catch (failure) {
      console.error(failure.message);
      say(failure.status ?? 503, failure.retryAfter ? { "Retry-After": failure.retryAfter } : {});
    }
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { FEED_SECRET, HUBSPOT_TOKEN, PORT = "9090" } = process.env;
  if (!FEED_SECRET || !HUBSPOT_TOKEN) throw new Error("set FEED_SECRET (several with blanks in between) and HUBSPOT_TOKEN");
  makeReceiver({ secrets: FEED_SECRET.split(" "), token: HUBSPOT_TOKEN }).listen(Number(PORT), "127.0.0.1");
}
