"""Flask-SocketIO on gevent: every client is in one room, and a line on standard input emits to it."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

import gevent  # noqa: E402
from flask import Flask  # noqa: E402
from flask_socketio import SocketIO, emit, join_room  # noqa: E402
from gevent.fileobject import FileObjectThread  # noqa: E402
from gevent.pywsgi import WSGIServer  # noqa: E402

BODY = "x" * int(sys.argv[2])
app = Flask(__name__)
socketio = SocketIO(app, async_mode="gevent")


@socketio.on("connect")
def connect() -> None:
    join_room("queue")
    emit("state", BODY)


def push() -> None:
    lines = FileObjectThread(sys.stdin.buffer, "rb")
    while lines.readline():
        socketio.emit("state", BODY, to="queue")


if __name__ == "__main__":
    gevent.spawn(push)
    WSGIServer(("127.0.0.1", int(sys.argv[1])), app, backlog=4096, log=None).serve_forever()
