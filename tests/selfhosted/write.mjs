// Writes memories with Mem0's own open-source client (its PGVector store): write.mjs DATABASE_URL STEP [CHANGES SEED]. Embeddings and extraction come from a
// stand-in of OpenAI's API on loopback, so the texts are the test's own. Prints what the client says it has, as JSON.
import { createServer } from "node:http";
import { Memory } from "mem0ai/oss";

const DIMENSIONS = 8;

/** Answers every text with the same kind of vector; asked to extract, it finds what the user said. */
function standIn() {
  return new Promise((resolve) => {
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const part of request) body += part;
      const asked = JSON.parse(body || "{}");
      response.setHeader("content-type", "application/json");
      if (request.url.endsWith("/embeddings")) {
        const inputs = Array.isArray(asked.input) ? asked.input : [asked.input];
        const data = inputs.map((text, index) => {
          const vector = Array.from({ length: DIMENSIONS }, (_, place) => ((String(text).charCodeAt(place) || 7) % 13) / 13);
          if (asked.encoding_format !== "base64") return { object: "embedding", index, embedding: vector };
          return { object: "embedding", index, embedding: Buffer.from(new Float32Array(vector).buffer).toString("base64") };
        });
        response.end(JSON.stringify({ object: "list", model: asked.model, data, usage: { prompt_tokens: 1, total_tokens: 1 } }));
        return;
      }
      const content = JSON.stringify({ facts: [], memory: [] });
      response.end(JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: asked.model,
        choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content } }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }));
    });
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

const [url, step, changes = "0", seed = "1"] = process.argv.slice(2);
const server = await standIn();
const openai = { apiKey: "stand-in", baseURL: `http://127.0.0.1:${server.address().port}/v1` };
const open = () => new Memory({
  vectorStore: { provider: "pgvector",
    config: { connectionString: url, collectionName: "memories", embeddingModelDims: DIMENSIONS, dimension: DIMENSIONS } },
  embedder: { provider: "openai", config: { ...openai, model: "text-embedding-3-small", embeddingDims: DIMENSIONS } },
  llm: { provider: "openai", config: { ...openai, model: "gpt-4.1-mini" } },
  disableHistory: true,
});
let memory = open();
const add = (text, userId, metadata) => memory.add([{ role: "user", content: text }], { userId, metadata, infer: false });
const all = async (userId) => (await memory.getAll({ filters: { user_id: userId }, topK: 1000 })).results;

/** Numbers from 0 up to 1 that the seed decides (mulberry32). */
function randomOf(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const USERS = ["ada", "bob", "cyd"];

// The test stops PostgreSQL under the client, as an application sees it: whatever it was doing fails, and it connects anew.
const isAway = (failure) => /^(57P0|08)/.test(failure?.code ?? "") || /ECONN|ENOENT|EPIPE|terminat|not queryable|Connection|closed/.test(`${failure?.code} ${failure?.message}`);
process.on("uncaughtException", (failure) => {
  if (isAway(failure)) return;
  console.error(failure);
  process.exit(1);
});
async function everything() {
  const found = [];
  for (const user of USERS) for (const one of await all(user)) found.push({ ...one, user });
  return found;
}
/** Who owns each of the memories that there are. */
async function owned() {
  return new Map((await everything()).map(({ id, user }) => [id, user]));
}
async function ownedWhenBack() {
  for (let look = 0; ; ++look) {
    memory = open();
    try {
      return await owned();
    } catch (failure) {
      if (look === 600 || !isAway(failure)) throw failure;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const STEPS = {
  async random() {
    const random = randomOf(Number(seed));
    const below = (limit) => Math.floor(random() * limit);
    let owners = await owned();
    const change = async (number) => {
      const ids = [...owners.keys()];
      const what = random();
      if (ids.length === 0 || what < 0.5) {
        const user = USERS[below(USERS.length)];
        const { results } = await add(`${user} says ${seed}/${number}`, user, { tier: number % 2 ? "gold" : "free" });
        for (const { id } of results) owners.set(id, user);
      } else if (what < 0.8) {
        await memory.update(ids[below(ids.length)], `changed ${seed}/${number}`);
      } else if (what < 0.98) {
        const id = ids[below(ids.length)];
        await memory.delete(id);
        owners.delete(id);
      } else {
        const user = USERS[below(USERS.length)];
        await memory.deleteAll({ userId: user });
        for (const [id, owner] of owners) if (owner === user) owners.delete(id);
      }
    };
    for (let number = 0; number < Number(changes); ++number) {
      try {
        await change(number);
      } catch (failure) {
        if (!isAway(failure)) throw failure;
        owners = await ownedWhenBack();
      }
    }
  },
  async fill() {
    for (const user of ["ada", "bob"]) {
      for (let number = 0; number < 5; ++number) await add(`${user} says ${number}`, user, { tier: number % 2 ? "gold" : "free" });
    }
  },
  async change() {
    const [first, second, third] = await all("ada");
    await memory.update(first.id, "ada says something else");
    await memory.update(second.id, "ada changed her mind");
    await memory.delete(third.id);
    await add("cyd says hello", "cyd", {});
    await memory.deleteAll({ userId: "bob" });
  },
  async reset() {
    await memory.reset();
  },
};
await STEPS[step]();
const told = step === "reset" ? [] : await everything().catch(async (failure) => {
  if (!isAway(failure)) throw failure;
  await ownedWhenBack();
  return everything();
});
console.log(JSON.stringify(told.map((one) => ({ id: one.id, text: one.memory }))));
process.exit(0);
