"""A PostgreSQL server of one's own, in a folder, for as long as it is needed."""

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLACES = "/usr/lib/postgresql/*/bin"
USER = "postgres"
"""Who runs the server where we are root, which PostgreSQL refuses to be run by."""


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs, of the newest version; None where it is not installed."""
    found = sorted(Path("/").glob(f"{PLACES[1:]}/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


def install() -> Path | None:
    """Install PostgreSQL where it is missing and may be; returns its programs."""
    if binaries() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "postgresql"]):
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return binaries()


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Run a server on loopback, with one empty database; yields the database's URI, which holds a password."""
    programs = binaries()
    if programs is None:
        raise FileNotFoundError("PostgreSQL's programs are not installed")
    who = {"user": USER} if os.geteuid() == 0 else {}
    folder.mkdir(parents=True, exist_ok=True)
    if who:
        shutil.chown(folder, USER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(program: str, *arguments: str, stdin: str | None = None) -> None:
        command = [str(programs / program), *arguments]
        subprocess.run(command, check=True, cwd="/", input=stdin, text=True, stdout=subprocess.DEVNULL, **who)

    password = secrets.token_hex(8)
    secret = folder / "password"
    secret.write_text(password)
    if who:
        shutil.chown(secret, USER)
    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "forerun", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync", "-E", "UTF8")
    options = f"-p {port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=256MB"
    run("pg_ctl", "-D", data, "-w", "-s", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://forerun:{password}@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", data, "-w", "-s", "-m", "immediate", "stop")
