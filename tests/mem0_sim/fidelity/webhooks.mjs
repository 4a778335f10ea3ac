// Prints the webhooks of a project as Mem0's own client sees them: webhooks.mjs BASE_URL API_KEY
import { MemoryClient } from "mem0ai";

const [host, apiKey] = process.argv.slice(2);
const client = new MemoryClient({ apiKey, host });
await client.ping();
console.log(JSON.stringify(await client.getWebhooks()));
