// The peer a Node.js team would write with a job queue: Fastify and graphile-worker, two processes, one job a request, answered once it is
// committed; both processes work the jobs off meanwhile, as the bridge folds what it stores.
import cluster from 'node:cluster';
import Fastify from 'fastify';
import pg from 'pg';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';

if (cluster.isPrimary) {
  const utils = await makeWorkerUtils({ connectionString: process.env.DATABASE_URL });
  await utils.migrate();
  await utils.release();
  cluster.fork();
  cluster.fork();
} else {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16 });
  await run({ pgPool: pool, concurrency: 4, noHandleSignals: true, logger: new Logger(() => () => {}), taskList: { delivery: async () => {} } });
  const server = Fastify();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => done(null, body));
  server.post('/webhooks/crm', async (request) => {
    await pool.query({ name: 'accept', text: "SELECT graphile_worker.add_job('delivery', $1::json)", values: [request.body] });
    return { status: 'accepted' };
  });
  await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
}
