// The peer a Node.js team would write: Fastify and pg, two processes, one INSERT a request, answered once it is committed.
import cluster from 'node:cluster';
import Fastify from 'fastify';
import pg from 'pg';

if (cluster.isPrimary) {
  cluster.fork();
  cluster.fork();
} else {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16 });
  const server = Fastify();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => done(null, body));
  server.post('/webhooks/crm', async (request) => {
    await pool.query({ name: 'accept', text: 'INSERT INTO peer_deliveries (body) VALUES ($1)', values: [request.body] });
    return { status: 'accepted' };
  });
  await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
}
