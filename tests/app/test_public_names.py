"""What ``import harness`` offers, and that it costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import harness


@pytest.mark.parametrize("name", sorted(harness._HOMES))
def test_each_public_name_is_there(name):
    found = getattr(harness, name)
    assert found.__name__ == name
    assert name in dir(harness)


def test_the_version():
    assert harness.__version__[0].isdigit()


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = harness.nonsense


def test_importing_it_loads_nothing_else_of_weight():
    program = "import sys\nbefore = set(sys.modules)\nimport harness\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    new = {name.partition(".")[0] for name in done.stdout.split()}
    assert new <= {"harness", "typing", "_typing", "collections"}
    assert not any(name.startswith("harness.") for name in done.stdout.split())
