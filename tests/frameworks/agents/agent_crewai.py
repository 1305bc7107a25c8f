import os

import pytest
from common import BASE, KEY, MODEL, QUESTION, population, right, weather

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_TRACING_ENABLED="false")


@pytest.mark.cassette("whole.json")
def test_whole():
    from crewai import LLM, Agent, Crew, Task
    from crewai.tools import tool

    model = LLM(model=f"openai/{MODEL}", base_url=BASE, api_key=KEY)
    tools = [tool(one.__name__)(one) for one in (weather, population)]
    who = Agent(role="guide", goal="answer", backstory="You know places.", llm=model, tools=tools)
    task = Task(description=QUESTION, expected_output="a sentence", agent=who)
    assert right(Crew(agents=[who], tasks=[task]).kickoff())
