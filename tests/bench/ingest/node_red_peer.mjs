// The peer that is drawn, not written: Node-RED with a flow of "http in", a function that runs one INSERT over pg, and "http response".
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import fs from 'node:fs';
import express from 'express';
import pg from 'pg';
import RED from 'node-red';

const app = express();
const server = http.createServer(app);
const userDir = fs.mkdtempSync(path.join(os.tmpdir(), 'membridge-node-red-'));
process.on('exit', () => fs.rmSync(userDir, { recursive: true, force: true }));
process.on('SIGTERM', () => process.exit(0));
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16 });
const flow = [
  { id: 'tab', type: 'tab', label: 'deliveries' },
  { id: 'in', z: 'tab', type: 'http in', url: '/webhooks/crm', method: 'post', wires: [['insert']] },
  { id: 'insert', z: 'tab', type: 'function', outputs: 1, wires: [['out']], func:
    "await global.get('pool').query({ name: 'accept', text: 'INSERT INTO peer_deliveries (body) VALUES ($1)', " +
    "values: [Buffer.from(JSON.stringify(msg.payload))] }); msg.payload = { status: 'accepted' }; return msg;" },
  { id: 'out', z: 'tab', type: 'http response', wires: [] },
];
fs.writeFileSync(path.join(userDir, 'flows.json'), JSON.stringify(flow));
RED.init(server, {
  httpAdminRoot: false, httpNodeRoot: '/', userDir, flowFile: 'flows.json', functionGlobalContext: { pool },
  logging: { console: { level: 'error' } }, telemetry: { enabled: false },
});
app.use('/', RED.httpNode);
await RED.start();
server.listen(Number(process.env.PORT), '127.0.0.1');
