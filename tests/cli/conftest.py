"""The command line in this process, as every test of a command runs it."""

import pytest

from harness.__main__ import main


@pytest.fixture
def run(capfd):
    """Exit code, standard output and standard error of ``harness`` with these words; never a traceback."""

    def runs(*words):
        code = main(words)
        out = capfd.readouterr()
        assert "Traceback" not in out.out + out.err
        return code, out.out, out.err

    return runs
