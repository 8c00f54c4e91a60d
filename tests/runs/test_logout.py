"""Every case of the answer, from facts alone; then what this machine says must be one of them."""

from dataclasses import replace

import pytest

from promptrec_tui.runs import logout
from promptrec_tui.runs.logout import (
    Facts,
    kills_user,
    login_facts,
    place_of,
    run_survival,
    survival,
    survival_from_here,
    wants_unit,
)

LOGIN = Facts(
    system="Linux",
    place="login",
    systemd=True,
    container=False,
    manager=True,
    linger=False,
    kills=False,
)


@pytest.mark.parametrize(
    ("changes", "answer", "word"),
    [
        ({}, "yes", "KillUserProcesses=no"),
        ({"kills": True}, "no", "enable-linger"),
        ({"kills": None}, "unknown", "logind does not say"),
        ({"place": "manager", "linger": True, "kills": True}, "yes", "lingers"),
        ({"place": "manager"}, "no", "enable-linger"),
        ({"place": "system", "kills": True}, "yes", "no login"),
        ({"systemd": False}, "yes", "Nothing here"),
        ({"systemd": False, "container": True}, "unknown", "container"),
        ({"system": "Darwin"}, "unknown", "Darwin"),
    ],
)
def test_the_answer_and_its_reason(changes, answer, word):
    outcome = survival(replace(LOGIN, **changes))
    assert outcome.answer == answer
    assert word in outcome.why
    assert outcome.why.endswith(".")


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, False),
        ({"linger": True}, True),
        ({"kills": None}, False),
        ({"kills": True}, True),
        ({"place": "manager"}, True),
        ({"place": "system"}, False),
        ({"place": "system", "linger": True}, True),
        ({"manager": False, "linger": True}, False),
    ],
)
def test_a_unit_only_where_it_lives_as_long_as_a_session(changes, wanted):
    facts = replace(LOGIN, **changes)
    assert wants_unit(facts) == wanted
    if wanted and survival(facts).answer == "yes":
        assert survival(replace(facts, place="manager")).answer == "yes"


@pytest.mark.parametrize(
    ("cgroup", "place"),
    [
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/promptrec-r1-1.service", "manager"),
        ("0::/user.slice/user-1000.slice/session-3.scope", "login"),
        ("12:pids:/system.slice/cron.service\n1:name=systemd:/system.slice/cron.service", "system"),
        ("0::/", "system"),
        ("", "system"),
    ],
)
def test_the_cgroup_tells_whose_a_process_is(cgroup, place):
    assert place_of(cgroup) == place


@pytest.mark.parametrize(
    ("said", "kills"),
    [
        ("b false\nas 0\nas 1 root\n", False),
        ("b true\nas 0\nas 0\n", True),
        ('b true\nas 0\nas 1 "ada"\n', False),
        ('b true\nas 1 "ada"\nas 0\n', True),
        ('b true\nas 1 "bob"\nas 0\n', False),
        ("", None),
        ("Failed to get property: no such unit\n", None),
    ],
)
def test_what_logind_says_of_a_user(said, kills):
    assert kills_user(said, "ada") is kills


def test_a_run_that_is_going_is_asked_where_it_is(run, monkeypatch):
    monkeypatch.setattr(logout, "login_facts", lambda: replace(LOGIN, kills=True, linger=True))
    assert run_survival(run) == survival_from_here()
    assert run_survival(run).answer == "yes"
    monkeypatch.setattr(logout, "_supervisor_cgroup", lambda folder: "0::/session-3.scope")
    assert run_survival(run).answer == "no"


def test_a_user_without_a_name_has_an_answer(monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(logout.getpass, "getuser", nameless)
    assert not login_facts().linger


def test_this_machine_has_an_answer(run):
    assert survival(login_facts()).answer in ("yes", "no", "unknown")
    assert run_survival(run).why.endswith(".")
