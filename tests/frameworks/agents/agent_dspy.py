import pytest
from common import BASE, KEY, MODEL, QUESTION, run


def model():
    import dspy

    return dspy.LM(f"openai/{MODEL}", api_base=BASE, api_key=KEY, cache=False)


@pytest.mark.cassette("whole.json")
def test_whole():
    assert "sunny in Paris" in str(model()(QUESTION))


@pytest.mark.cassette("async.json")
def test_async():
    assert "sunny in Paris" in str(run(model().acall(QUESTION)))
