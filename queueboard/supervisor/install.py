"""Makes .venv and installs the pinned requirements into it, when they have changed.

Run as a script by the Python 3.11 that make has found, before anything is installed: standard library only.
Usage: install.py requirements.txt
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from typing import NoReturn

WANTED = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")


def refuse(sentence: str) -> NoReturn:
    sys.exit(sentence)


def works() -> bool:
    """Whether .venv holds a Python of the wanted version that starts (it does not when its Python was removed)."""
    check = f"import sys; sys.exit(sys.version_info[:2] != {WANTED!r})"
    try:
        return subprocess.call([PYTHON, "-c", check], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def fingerprint(requirements: str) -> str:
    """What was asked for: the lines of the file and of those it may include, and the version of Python."""
    content = hashlib.sha256(sys.version.encode())
    for name in ["requirements.txt", "requirements-alipay.txt", requirements]:
        with open(os.path.join(ROOT, name), "rb") as file:
            content.update(file.read())
    return content.hexdigest()


def installed(stamp: str, wanted: str) -> bool:
    try:
        with open(stamp) as file:
            return file.read() == wanted
    except OSError:
        return False


def make_venv() -> None:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        refuse(
            "This Python cannot make virtual environments; install its venv module "
            "(on Debian and Ubuntu: apt install python3.11-venv)."
        )
    if os.path.isdir(VENV):
        shutil.rmtree(VENV)
    if subprocess.call([sys.executable, "-m", "venv", VENV]) != 0:
        refuse(f"The folder {VENV} could not be made; why is said above.")


def install(requirements: str) -> None:
    stamp = os.path.join(VENV, "installed-" + requirements)
    wanted = fingerprint(requirements)
    if works() and installed(stamp, wanted):
        return
    if not os.access(ROOT, os.W_OK):
        refuse(f"The folder {ROOT} cannot be written to; change its owner or copy queueboard elsewhere.")
    try:
        if not works():
            make_venv()
        print(f"Installing {requirements} into .venv (a minute or two the first time) ...", flush=True)
        pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        pip += ["-r", requirements]
        if subprocess.call(pip, cwd=ROOT) != 0:
            refuse("The requirements could not be installed; what pip said is above.")
        # On all cores, which pip does not; and without one SDK of the tests, of whose thousands of files few are used.
        subprocess.call([PYTHON, "-m", "compileall", "-qq", "-j", "0", "-x", "/alipay/", os.path.join(VENV, "lib")])
        with open(stamp, "w") as file:
            file.write(wanted)
    except OSError as error:
        refuse(f"The folder {VENV} cannot be written to ({error.strerror}).")


def main() -> None:
    requirements = sys.argv[1]
    # Two at once would install over each other.
    with open(os.path.join(ROOT, requirements)) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        install(requirements)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
