"""The app on the other end of a slow line: an SSH server, a delay, and a client that draws the screen."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import asyncssh
import pyte
import pytest

from tests.terminal import Terminal
from tests.waiting import eventually

SIZE = (80, 24)
HERE = "127.0.0.1"
CHUNK = 1 << 16


class Open(asyncssh.SSHServer):
    """Lets everyone in: it listens on this machine only, for as long as a test."""

    def begin_auth(self, username: str) -> bool:
        return False


@dataclass
class Line:
    """What a person at the near end has, and the far end for tests to look at."""

    screen: pyte.Screen = field(default_factory=partial(pyte.Screen, *SIZE))
    received: int = 0
    """Bytes that the app has sent."""
    app: Terminal | None = None
    """The pseudo-terminal that the server has opened; its `end` is -1 once the line is gone."""
    client: "asyncssh.SSHClientProcess[bytes] | None" = None
    ends: list[asyncio.StreamWriter] = field(default_factory=list)
    """The two ends of the way between client and server."""

    @property
    def text(self) -> str:
        """What is on the screen; a sentence over several lines reads on."""
        return " ".join(" ".join(self.screen.display).split())

    @property
    def is_hung_up(self) -> bool:
        return self.app is not None and self.app.end < 0

    def press(self, keys: str) -> None:
        """All at once, as fast fingers do."""
        assert self.client
        self.client.stdin.write(keys.encode())

    async def shows(self, *words: str) -> None:
        """Wait until words are on the screen."""
        try:
            await eventually(lambda: all(word in self.text for word in words))
        except pytest.fail.Exception:
            pytest.fail(f"The screen does not show {words}: {self.text}")

    def cut(self) -> None:
        """Break the line in the middle."""
        for end in self.ends:
            end.transport.abort()


@asynccontextmanager
async def slow_line(seconds: float) -> AsyncIterator[Line]:
    """Log in to this machine over a line that takes `seconds` each way, and start the app there."""
    line = Line()
    async with (
        asyncssh.listen(
            HERE,
            0,
            server_factory=Open,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            process_factory=partial(_attend, line),
            encoding=None,
            line_editor=False,
        ) as server,
        await asyncio.start_server(partial(_carry, line, server.get_port(), seconds), HERE, 0) as way,
        asyncssh.connect(
            *way.sockets[0].getsockname(), username="me", known_hosts=None, client_keys=None, config=None
        ) as connection,
    ):
        line.client = await connection.create_process(
            term_type="xterm-256color", term_size=SIZE, encoding=None
        )
        looking = asyncio.create_task(_look(line, line.client))
        try:
            yield line
        finally:
            looking.cancel()
            line.cut()
            await eventually(lambda: line.is_hung_up)
            if line.app:
                line.app.close()


async def _attend(line: Line, process: "asyncssh.SSHServerProcess[bytes]") -> None:
    """The server's part: the app in a pseudo-terminal that is hung up when the line is gone."""
    loop = asyncio.get_running_loop()
    columns, rows, *_ = process.term_size
    command = [sys.executable, "-m", "promptrec_tui"]
    line.app = app = Terminal(command, (columns, rows), {"TERM": process.term_type or ""})

    def hand_out() -> None:
        try:
            process.stdout.write(os.read(app.end, CHUNK))
        except OSError:
            loop.remove_reader(app.end)
            process.exit(app.wait())

    loop.add_reader(app.end, hand_out)
    try:
        while keys := await process.stdin.read(CHUNK):
            os.write(app.end, keys)
    finally:
        loop.remove_reader(app.end)
        app.hang_up()


async def _look(line: Line, client: "asyncssh.SSHClientProcess[bytes]") -> None:
    """The client's part: draw what comes."""
    stream = pyte.ByteStream(line.screen)
    while data := await client.stdout.read(CHUNK):
        line.received += len(data)
        stream.feed(data)


async def _carry(
    line: Line, port: int, seconds: float, near: asyncio.StreamReader, back: asyncio.StreamWriter
) -> None:
    """The way between them: both directions take so many seconds, and keep their order."""
    far, on = await asyncio.open_connection(HERE, port)
    line.ends = [back, on]

    async def delay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        later = asyncio.get_running_loop().call_later
        while data := await reader.read(CHUNK):
            later(seconds, writer.write, data)
        later(seconds, writer.close)

    await asyncio.gather(delay(near, on), delay(far, back), return_exceptions=True)
