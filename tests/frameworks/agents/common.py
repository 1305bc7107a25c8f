"""What every agent here shares: two tools, a question, and where the model answers."""

import asyncio
import os

QUESTION = os.environ.get("QUESTION", "How is the weather in Paris, and how many people live there?")
ROOT = os.environ["FAKE"]
BASE = f"{ROOT}/v1"
KEY = "sk-a-key-of-these-tests-alone-1"
MODEL = "gpt-4o-mini"
os.environ.update(OPENAI_API_KEY=KEY, ANTHROPIC_API_KEY=KEY, GOOGLE_API_KEY=KEY)


def weather(city: str) -> str:
    """Get the weather of a city.

    Args:
        city: the name of the city
    """
    return f"sunny in {city}"


def population(city: str) -> str:
    """Get how many people live in a city.

    Args:
        city: the name of the city
    """
    return f"2 million in {city}"


def right(text):
    """Whether the loop came to its end."""
    return "sunny in Paris, where 2 million" in str(text)


def run(coroutine):
    return asyncio.run(coroutine)
