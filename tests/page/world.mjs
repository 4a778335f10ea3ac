// The bridge under test with everything around it, as tests/page/world.cpp starts them; and a look at their databases from outside.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);
const DEADLINE = 20_000;

/** Asks until `found` is content with the answer, which is given back. */
export async function eventually(what, ask, found) {
  const end = Date.now() + DEADLINE;
  for (;;) {
    const answer = await ask();
    if (found(answer)) return answer;
    if (Date.now() > end) throw new Error(`${what}: still ${JSON.stringify(answer)}`);
    await new Promise((resume) => setTimeout(resume, 25));
  }
}

export class World {
  static async start(mappings) {
    const world = new World();
    world.process = spawn(process.env.PAGE_WORLD, mappings, { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = await once(createInterface(world.process.stdout), "line");
    Object.assign(world, JSON.parse(line));
    return world;
  }

  /** Ends it; what it says of its end is the test's to judge. */
  async stop() {
    this.process.stdin.end();
    const [status] = await once(this.process, "exit");
    return status;
  }

  log() {
    return readFileSync(this.log_file, "utf8");
  }

  /** One SQL statement; its rows, cells as text. */
  sql(statement) {
    return this.sqlAt(this.dsn, statement);
  }

  /** The same in the database of the self-hosted Mem0. */
  ownSql(statement) {
    return this.sqlAt(this.own_dsn, statement);
  }

  async sqlAt(dsn, statement) {
    const { stdout } = await run("psql", [dsn, "-XqAtF", "\t", "-v", "ON_ERROR_STOP=1", "-c", statement]);
    return stdout.split("\n").filter(Boolean).map((line) => line.split("\t"));
  }

  async count(from) {
    return Number((await this.sql(`SELECT count(*) FROM ${from}`))[0][0]);
  }

  /** The local Mem0's control plane. */
  async control(method, path, body) {
    const answer = await fetch(`${this.mem0}/_sim${path}`, { method, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  /** A memory, announced as Mem0 does; its id. */
  async remember(user_id, text, more = {}) {
    return (await this.control("POST", "/memories", { user_id, text, announce: true, ...more })).id;
  }

  /** The webhooks Mem0 has. */
  async webhooks() {
    const answer = await fetch(`${this.mem0}/api/v1/webhooks/projects/${this.mem0_project}/`, { headers: { Authorization: `Token ${this.mem0_key}` } });
    return answer.json();
  }

  /** The admin API, as somebody else than the page. */
  async api(method, path, body, token = this.admin_token) {
    const answer = await fetch(`${this.page_address}/api/v1/${path}`, { method, body: body && JSON.stringify(body), headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" } });
    return answer.json();
  }

  /** Waits until nothing is on its way: what arrived is read, and applied or parked. */
  async settled() {
    await eventually("Mem0 has nothing to tell", () => this.control("GET", "/idle"), ({ idle }) => idle);
    await eventually("deliveries to be folded", () => this.sql("SELECT membridge.unfolded()"), ([[unfolded]]) => Number(unfolded) === 0);
    await eventually("memories to be read", () => this.count("membridge.dirty WHERE attempts = 0"), (dirty) => dirty === 0);
  }
}
