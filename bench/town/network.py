"""Hosts of one's own: network namespaces on a bridge. Needs Linux, root and iproute2."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, stdout=subprocess.DEVNULL)


@dataclass(frozen=True)
class Host:
    """`space`: its namespace; `cable`: the end of its cable at the bridge, as this machine names it."""

    space: str
    cable: str
    address: str

    def popen(self, command: Sequence[str], env: Mapping[str, str], **named) -> subprocess.Popen:
        """A process on this host."""
        return subprocess.Popen(["ip", "netns", "exec", self.space, *command], env=dict(env), **named)

    def cut(self) -> None:
        """Nothing comes or goes any more; nobody is told so."""
        ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        ip("link", "set", self.cable, "up")


class Network:
    """`address`: this machine's own on it."""

    def __init__(self, number: int) -> None:
        self._bridge, self._net = f"qb{number}", f"10.77.{number % 250}"
        self.address = f"{self._net}.1"
        self._hosts: list[Host] = []

    def __enter__(self) -> "Network":
        ip("link", "add", self._bridge, "type", "bridge")
        ip("addr", "add", f"{self.address}/24", "dev", self._bridge)
        ip("link", "set", self._bridge, "up")
        return self

    def __exit__(self, *error: object) -> None:
        for host in self._hosts:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "del", host.space)
        ip("link", "del", self._bridge)

    def host(self) -> Host:
        """One more, on the bridge."""
        number = len(self._hosts) + 11
        host = Host(f"{self._bridge}-{number}", f"{self._bridge}v{number}", f"{self._net}.{number}")
        self._hosts.append(host)
        far = f"{host.cable}x"
        ip("netns", "add", host.space)
        ip("link", "add", host.cable, "type", "veth", "peer", "name", far)
        ip("link", "set", far, "netns", host.space)
        ip("link", "set", host.cable, "master", self._bridge, "up")
        for inside in (
            ("addr", "add", f"{host.address}/24", "dev", far),
            ("link", "set", far, "up"),
            ("link", "set", "lo", "up"),
        ):
            ip("netns", "exec", host.space, "ip", *inside)
        return host


@contextlib.contextmanager
def network() -> Iterator[Network]:
    with Network(os.getpid() % 9973) as made:
        yield made
