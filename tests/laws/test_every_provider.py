"""No provider is left out of the proofs."""

import re
from pathlib import Path

from harness.dialects.providers import proven
from harness.laws.provider_options import provers


def test_each_provider_is_proved_in_one_of_the_files_beside_this():
    files = Path(__file__).parent.glob("test_ours_*.py")
    named = [name for file in files for name in re.findall(r'"(\w+)"', file.read_text().partition("providers=")[2])]
    assert sorted(named) == sorted(provers())
    assert sorted(named) == sorted(proven())
