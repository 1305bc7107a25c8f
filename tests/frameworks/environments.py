"""An environment of its own for each framework: `make frameworks` makes them, and tests run their agents in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "toolcall-harness" / "frameworks"
ENVIRONMENTS = Path(os.environ.get("HARNESS_FRAMEWORKS") or CACHE)
# What the harness itself needs; each framework has its own wishes about versions, and must come first.
OURS = ["litellm>=1.106.2,!=1.107.*", "vcrpy", "hypothesis", "pytest", "pydantic", "jiter", "pyyaml", "jsonschema"]
OURS += ["rich", "jinja2", "uvicorn", "httptools"]
PACKAGES = {
    "mcp": ["mcp"],
    "langgraph": ["langgraph", "langchain", "langchain-openai", "langchain-anthropic"],
    "langchain": ["langchain", "langchain-openai"],
    "openai-agents": ["openai-agents"],
    "pydantic-ai": ["pydantic-ai-slim[openai,anthropic]"],
    "smolagents": ["smolagents[openai,litellm]"],
    "instructor": ["instructor"],
    "dspy": ["dspy"],
    "crewai": ["crewai"],
    "llama-index": ["llama-index-core", "llama-index-llms-openai", "llama-index-llms-openai-like"],
    "google-adk": ["google-adk"],
    "autogen": ["autogen-agentchat", "autogen-ext[openai]"],
    "strands": ["strands-agents[openai]"],
    "agno": ["agno", "openai"],
    "haystack": ["haystack-ai"],
    "semantic-kernel": ["semantic-kernel"],
}


def python(name: str) -> Path:
    return ENVIRONMENTS / name / "bin" / "python"


def make(name: str) -> None:
    """Make the environment of ``name``, with uv where it is there: it shares what several of them need."""
    folder = ENVIRONMENTS / name
    if python(name).exists():
        return
    if shutil.which("uv"):
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, folder], check=True)
        install = ["uv", "pip", "install", "-q", "--python", python(name)]
    else:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python(name), "-m", "pip", "install", "-q"]
    try:
        subprocess.run([*install, *PACKAGES[name], *OURS], check=True)
        subprocess.run([*install, "--no-deps", "-e", ROOT], check=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(folder)
        raise


if __name__ == "__main__":
    for chosen in sys.argv[1:] or PACKAGES:
        print(chosen, flush=True)
        make(chosen)
