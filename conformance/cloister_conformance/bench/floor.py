"""A server of the node's kind that only answers, always the same: what the node cannot go below.

It is started with a node file, whose member `answer` is the body of its answers.
"""

import json
import sys
from pathlib import Path

import uvicorn
from cloister.serving import process
from fastapi import FastAPI, Request, Response


def build_app(height: int, answer: bytes) -> FastAPI:
    """Build the application."""
    app = FastAPI()

    @app.post("/storage_rpc/v1")
    async def rpc(request: Request) -> Response:
        await request.body()
        return Response(answer, media_type="application/json")

    @app.get("/health")
    async def health() -> dict[str, object]:
        return {"status": "ok", "height": height}

    return app


def main() -> None:
    """Listen and serve as the node does, until a signal comes."""
    file = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    config = uvicorn.Config(
        build_app(file["network"]["height"], file["answer"].encode()),
        loop="asyncio",
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    uvicorn.Server(config).run(sockets=[process.listen(file["host"], file["port"])])


if __name__ == "__main__":
    main()
