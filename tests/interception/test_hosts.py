from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.interception.hosts import hosts


@pytest.mark.parametrize(
    ("given", "host", "port", "holds"),
    [
        (["localhost"], "127.0.0.1", 80, True),
        (["127.0.0.1"], "localhost", None, True),
        (["[::1]:80"], "::1", 80, True),
        (["[::1]:80"], "::1", 81, False),
        (["::1"], "127.0.0.53", 53, True),
        (["localhost:5432"], "localhost", 5432, True),
        (["localhost:5432"], "localhost", 5433, False),
        (["localhost:5432"], "localhost", None, True),
        (["localhost"], "localhost.evil.test", 80, False),
        (["localhost"], "127.evil.test", 80, False),
        (["*.test"], "a.b.TEST", 1, True),
        (["*.test"], "test", 1, False),
        (["db.test"], "db.test.", 1, True),
        (["/run/pg"], "/run/pg", None, True),
        (["2001:db8::2"], "2001:db8::2", 443, True),
        ([], "localhost", 80, False),
        ("db.test", "db.test", 80, True),
    ],
)
def test_which_hosts_are_meant(given, host, port, holds):
    assert hosts(given).holds(host, port) is holds


@pytest.mark.parametrize("given", ["", "http://a.test", "a.test:x", "a.test:70000", "a/b"])
def test_what_is_no_host_is_one_sentence(given):
    with pytest.raises(UsageError, match="is no host; give a name"):
        hosts([given])
