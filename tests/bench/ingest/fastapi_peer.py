# The peer a Python team would write: FastAPI and asyncpg, one INSERT a request, answered once it is committed.
import os

import asyncpg
from fastapi import FastAPI, Request

app = FastAPI()


@app.on_event("startup")
async def connect():
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=16, max_size=16)


@app.post("/webhooks/crm")
async def accept(request: Request):
    body = await request.body()
    await app.state.pool.execute("INSERT INTO peer_deliveries (body) VALUES ($1)", body)
    return {"status": "accepted"}
