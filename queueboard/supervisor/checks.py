"""What must be so before anything is started. Each check refuses with one sentence that says what to do."""

import contextlib
import errno
import fcntl
import os
import secrets
import socket
import time
from pathlib import Path
from typing import Any


class Refusal(Exception):
    """Nothing was started; the message is for the person at the terminal."""


def writable(folder: Path) -> None:
    """Make the folder if need be, private to its owner, and try to write into it."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Refusal(
            f"The folder {folder} cannot be written to ({error.strerror}); "
            "change its owner or set QUEUEBOARD_VAR to another folder."
        ) from error


def private(folder: Path) -> None:
    """The same for a folder in a place that others may write to: it must be ours and closed to them."""
    writable(folder)
    status = folder.stat()
    if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise Refusal(f"The folder {folder} belongs to somebody else or is open to others; remove it.")


def lock(path: Path, *, patience: float = 6.0) -> int:
    """The lock of this folder: its descriptor, to be held as long as anything runs here.

    After a killed supervisor its guardian holds the lock until everything has ended, which takes a moment.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(handle, 20, 0).decode().strip()
            if _alive(holder) or time.monotonic() > deadline:
                os.close(handle)
                raise Refusal(
                    f"queueboard already runs in this folder (process {holder or 'unknown'}); "
                    "stop it first, or set QUEUEBOARD_VAR to another folder."
                ) from error
            time.sleep(0.1)
        else:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            return handle


def _alive(holder: str) -> bool:
    try:
        os.kill(int(holder), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def port_free(host: str, port: int) -> None:
    """Whether the web process will be able to listen there."""
    if not 0 < port < 65536:
        raise Refusal(f"{port} is not a port; choose one between 1024 and 65535, for instance `make run PORT=8001`.")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise Refusal(f"{host!r} is not an address of this machine; HOST is for instance 127.0.0.1.") from error
    taken = Refusal(f"Port {port} on {host} is in use; choose another one, for instance `make run PORT={port + 1}`.")
    # Some systems let two programs bind to one port on different addresses: whoever answers there has it.
    with contextlib.suppress(OSError), socket.create_connection((reach(host), port), timeout=0.5):
        raise taken
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise taken from error
            raise Refusal(f"Port {port} on {host} cannot be opened ({error.strerror}); choose another one.") from error


def reach(host: str) -> str:
    """The host name under which something listening on `host` is reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def base(host: str, port: int) -> str:
    """http://host:port as a browser on this machine would open it."""
    name = reach(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def secret(path: Path) -> str:
    """The secret key of this folder, made on first start and readable by its owner alone."""
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(50) + "\n")
    try:
        key = path.read_text().strip()
    except OSError as error:
        raise Refusal(f"The secret key in {path} cannot be read ({error.strerror}).") from error
    if not key:
        raise Refusal(f"The file {path} is empty; remove it, and a new secret key is made.")
    return key


def database(connection: Any) -> None:
    """Whether the database answers; `connection` is a Django one."""
    from django.core.exceptions import ImproperlyConfigured
    from django.db import Error

    if connection.vendor == "postgresql":
        connection.settings_dict.setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
    try:
        connection.ensure_connection()
    except (Error, ImproperlyConfigured) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refusal(f"The database does not answer ({reason}); start it or correct DATABASE_URL.") from error
    finally:
        connection.close()


def redis(url: str) -> None:
    """Whether the Redis or Valkey named by REDIS_URL answers."""
    import redis as client

    try:
        with client.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as connection:
            connection.ping()
    except (client.RedisError, ValueError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refusal(f"Redis does not answer ({reason}); start it or correct REDIS_URL.") from error
