"""manage.py up: the whole of queueboard in one terminal."""

import argparse
import contextlib
import http.client
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, no_translations
from django.db import connection

from queueboard import catalogues
from queueboard.notify.push import keys
from queueboard.supervisor import checks, services, valkey, welcome
from queueboard.supervisor.console import Console
from queueboard.supervisor.guard import Guard
from queueboard.supervisor.supervisor import Stopped, Supervisor

SELDOM = ["drf_spectacular_sidecar", "rest_framework"]  # of the API's pages: large, and not worth a second each start
PATIENCE = 60.0  # seconds for a child to answer for the first time


class Command(BaseCommand):
    help = (
        "Migrates, fills an empty database with the demonstration clinic and runs web, Celery worker and beat, and "
        "the embedded Valkey where REDIS_URL names no other, until Ctrl-C. Starts again what dies."
    )
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port of the web process (8000)")
        parser.add_argument("--host", default="127.0.0.1", help="address it listens on (127.0.0.1)")
        parser.add_argument("--no-demo", action="store_true", help="neither fill an empty database nor act a morning")
        parser.add_argument(
            "--with-parent", action="store_true", help="stop when the process that started this one has ended"
        )

    @no_translations
    def handle(self, *, port: int, host: str, no_demo: bool, with_parent: bool, **options: object) -> None:
        self._console = Console(sys.stdout)
        # Read before anything takes time: a parent that ends in between is noticed.
        parent = os.getppid() if with_parent else None
        try:
            self._up(port=port, host=host, demo=not no_demo, parent=parent)
        except (checks.Refusal, CommandError) as refusal:
            self.stderr.write(str(refusal))
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(130)

    def _up(self, *, port: int, host: str, demo: bool, parent: int | None) -> None:
        folder = Path(os.path.abspath(settings.VAR_DIR))
        checks.writable(folder)
        self._take_the_key(folder)
        lock = checks.lock(folder / "up.lock")
        checks.port_free(host, port)
        checks.database(connection)
        env = self._environment(folder)
        embedded = "REDIS_URL" not in os.environ
        if not embedded:
            checks.redis(settings.REDIS_URL)
        guard = Guard(held=[lock])
        supervisor = Supervisor(guard=guard, console=self._console, env=env, cwd=settings.BASE_DIR, parent=parent)
        try:
            if embedded:
                self._start_valkey(supervisor, folder)
            self._prepare(supervisor, demo=demo)
            self._serve(supervisor, host=host, port=port, demo=demo)
        except Stopped:
            self._console.say("Stopping ...")
        finally:
            supervisor.stop()
            guard.close()
        self._console.say("Stopped.")

    def _take_the_key(self, folder: Path) -> None:
        """Hand this folder's secret key on. On first start, settings were read before there was one: start anew."""
        if os.environ.get("SECRET_KEY"):
            return
        path = folder / "secret_key"
        first = not path.exists()
        os.environ["SECRET_KEY"] = checks.secret(path)
        if first:
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])

    def _environment(self, folder: Path) -> dict[str, str]:
        """What the children find in theirs: the same folder, socket and key, wherever they are started."""
        env = {**os.environ, "PYTHONUNBUFFERED": "1", "QUEUEBOARD_VAR": str(folder)}
        env.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")
        env["VALKEY_SOCKET"] = settings.VALKEY_SOCKET
        return env

    def _start_valkey(self, supervisor: Supervisor, folder: Path) -> None:
        data, socket = folder / "valkey", Path(settings.VALKEY_SOCKET)
        checks.writable(data)
        if socket.parent != folder:
            checks.private(socket.parent)
        valkey.end_leftover(socket)
        supervisor.start(services.embedded_valkey(folder=data, socket=socket))
        if not self._wait(supervisor, lambda: valkey.answers(socket)):
            raise checks.Refusal(f"The embedded Valkey does not answer; what it said is in {data / valkey.LOG}.")

    def _prepare(self, supervisor: Supervisor, *, demo: bool) -> None:
        """The database up to date, the catalogues compiled, an empty database filled."""
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=SELDOM)
        if not settings.VAPID_PRIVATE_KEY:
            with contextlib.suppress(FileExistsError):
                keys.write(Path(settings.VAR_DIR) / "vapid_key")
        self._step(
            supervisor, "migrate", "The database could not be brought up to date.", "--verbosity", "0", "--skip-checks"
        )
        try:
            catalogues.compile_all(settings.BASE_DIR)
        except OSError as error:
            raise checks.Refusal(f"The translations could not be compiled: {error}.") from error
        if demo and self._empty():
            self._console.say("Filling the empty database with the demonstration clinic ...")
            self._step(supervisor, "demo", "The demonstration could not be filled in.", "--seed")

    def _step(self, supervisor: Supervisor, command: str, failure: str, *arguments: str) -> None:
        if supervisor.run(command, services.manage(command, *arguments)) != 0:
            raise checks.Refusal(f"{failure} What `manage.py {command}` said is above.")

    def _empty(self) -> bool:
        from django.contrib.auth import get_user_model

        from booking.models import Department

        try:
            return not Department.objects.exists() and not get_user_model().objects.exists()
        finally:
            connection.close()

    def _serve(self, supervisor: Supervisor, *, host: str, port: int, demo: bool) -> None:
        supervisor.start(services.web(host=host, port=port))
        supervisor.start(services.worker())
        supervisor.start(services.beat())
        if demo:
            supervisor.start(services.demo(base=checks.base(host, port)))
        if self._wait(supervisor, lambda: answers(host, port)):
            self._welcome(checks.base(host, port))
        else:
            self._console.say(f"The web process has not answered for {PATIENCE:.0f} s; what it said is above.")
        supervisor.run_until(lambda: False)

    def _wait(self, supervisor: Supervisor, condition: Callable[[], bool]) -> bool:
        """Look after the children until the condition holds, for a while; whether it does."""
        deadline = time.monotonic() + PATIENCE
        held = False

        def over() -> bool:
            nonlocal held
            held = condition()
            return held or time.monotonic() > deadline

        supervisor.run_until(over)
        return held

    def _welcome(self, base: str) -> None:
        addresses, logins = welcome.demonstration()
        connection.close()
        for line in welcome.lines(base=base, addresses=addresses, logins=logins):
            self._console.say(line)


def answers(host: str, port: int) -> bool:
    """Whether the web process answers /healthz, with any status: what is wrong with it is for that page to say."""
    request = http.client.HTTPConnection(checks.reach(host), port, timeout=2)
    try:
        request.request("GET", "/healthz")
        request.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        request.close()
    return True
