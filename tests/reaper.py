"""What a test starts ends with it: no supervisor or trainer stays when one fails, or is ended itself."""

import signal
from collections.abc import Generator

import pytest

from tests import processes


def pytest_sessionstart(session: pytest.Session) -> None:
    """SIGTERM ends this process as Ctrl-C does: in order."""
    processes.root = session.config._tmp_path_factory.getbasetemp()
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Function, nextitem: pytest.Item | None) -> Generator[None]:
    """After a test what works in its folder is killed, and after a file's last one all that any started."""
    try:
        yield
    finally:
        if nextitem is None or nextitem.path != item.path:
            processes.end_all(processes.all_started)
        elif folder := item.funcargs.get("tmp_path"):
            processes.end_all(lambda: processes.at_work(folder))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Whatever the workers of xdist had no time for."""
    processes.end_all(processes.all_started)
