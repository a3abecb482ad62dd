"""What all fake servers share: HTTP on a socket, and a switch that cuts the line."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Listening(ThreadingHTTPServer):
    request_queue_size = 128  # its own 5 turn some away where many come at once


class Served:
    """`answer(method, path, headers, body)` gives status, headers and bytes; `down` cuts the line instead.

    `on_arrival` and `on_taken` are called once, and the line is cut: before a request is taken, and after it was.
    """

    down = False
    on_arrival: Callable[[], None] | None = None
    on_taken: Callable[[], None] | None = None

    def __init__(self) -> None:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if fake.down or fake.once("on_arrival"):
                    self.close_connection = True
                    return
                status, headers, text = fake.answer(self.command, self.path, self.headers, body)
                if fake.once("on_taken"):
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer

            def log_message(self, *args) -> None:
                """Tests are quiet."""

        self.server = Listening(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def once(self, name: str) -> bool:
        planned = getattr(self, name)
        setattr(self, name, None)
        if planned is not None:
            planned()
        return planned is not None

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
