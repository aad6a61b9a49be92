"""A server of a node's or an open-group server's kind that only answers, always the same: what these cannot go below.

It is started with the file of the one whose place it takes, whose member `answer` is the body of its answers.
"""

import json
import sys
from pathlib import Path

import uvicorn
from cloister.serving import process
from fastapi import FastAPI, Request, Response


def build_app(health: dict[str, object], answer: bytes) -> FastAPI:
    """Build the application."""
    app = FastAPI()

    @app.post("/storage_rpc/v1")
    @app.post("/oxen/v4/lsrpc")
    @app.post("/room/{room}/message")
    @app.get("/room/{room}/messages/since/{number}")
    async def do_nothing(request: Request) -> Response:
        await request.body()
        return Response(answer, media_type="application/json")

    @app.get("/health")
    async def tell_health() -> dict[str, object]:
        return health

    return app


def main() -> None:
    """Listen and serve as the node does, until a signal comes."""
    file = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    height = {"height": file["network"]["height"]} if "network" in file else {}
    config = uvicorn.Config(
        build_app({"status": "ok", **height}, file["answer"].encode()),
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
