"""A bare ASGI application: a websocket is accepted, sent one state and held; a request gets the same bytes."""

import os

BODY = b"x" * int(os.environ.get("BENCH_BYTES", "1500"))
START = {
    "type": "http.response.start", "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())],
}  # fmt: skip
ANSWER = {"type": "http.response.body", "body": BODY}


async def application(scope, receive, send) -> None:
    if scope["type"] == "http":
        await send(START)
        await send(ANSWER)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": BODY.decode()})
        while (await receive())["type"] != "websocket.disconnect":
            pass
