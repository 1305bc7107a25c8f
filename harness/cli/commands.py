"""Every command: its name, what it does, the code that does it, and the job that it is for."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """One command. ``code`` names a module of this folder, or ``module:Class`` in one, with ``configure(parser)``,
    ``run(args) -> exit code`` and ``EXAMPLES``, imported when the command is used; ``program`` is the same for
    ``harness NAME … -- CMD …``, where the arguments after ``--`` are a program's.
    """

    name: str
    summary: str
    code: str
    program: str = ""


COMMANDS = (
    Command("init", "write a first suite, test and CI job into this folder", "init"),
    Command("run", "replay suites from their cassettes and check every answer", "run"),
    Command(
        "record",
        "ask the models of suites for real, record, show what changed; -- CMD: record a program",
        "record",
        "programs:Record",
    ),
    Command("verify", "ask recorded questions again: has a provider changed?", "verify"),
    Command("diff", "compare two cassettes, folders of them, or cards, by consequence", "diff"),
    Command("mutate", "mutate what cassettes hold, and count what a replay notices", "mutate"),
    Command("bisect", "find with which version of litellm something changed", "bisect"),
    Command(
        "replay",
        "run a program offline, answered from what `record -- CMD` recorded",
        "programs:Replay",
        "programs:Replay",
    ),
    Command(
        "mcp",
        "stand in for an MCP server over stdio, inside `record -- CMD` and `replay -- CMD`",
        "mcp:StandIn",
        "mcp:StandIn",
    ),
    Command("mcp record", "record what an MCP client and server say", "mcp:Record", "mcp:Record"),
    Command("mcp replay", "answer an MCP client from a recording", "mcp:Replay", "mcp:Replay"),
    Command("serve", "serve cassettes to any client, and break answers on purpose", "serve"),
    Command(
        "cassettes list", "list cases and cassettes: what is recorded, how old, unused", "cassettes.inventory:List"
    ),
    Command(
        "cassettes show", "show an exchange: request, response, and what it decodes to", "cassettes.inspection:Show"
    ),
    Command("cassettes explain", "explain why a cassette does not answer a request", "cassettes.inspection:Explain"),
    Command("cassettes check", "check suites and cassettes, and list all their faults", "cassettes.inspection:Check"),
    Command(
        "cassettes cover", "show which card cells have a real recording, and what is worth asking", "cassettes.cover"
    ),
    Command("cassettes prune", "remove cassettes that no case uses; asks first", "cassettes.inventory:Prune"),
    Command(
        "cassettes audit", "search files, folders or what is staged in git for secrets", "cassettes.inspection:Audit"
    ),
    Command("cassettes import", "convert what other tools recorded to cassettes", "cassettes.conversion:Import"),
    Command("cassettes export", "write a cassette as stock vcrpy's YAML", "cassettes.conversion:Export"),
    Command("local start", "start a real model on this machine", "local:Start"),
    Command("local stop", "stop the model that was left running", "local:Stop"),
    Command("prove", "prove a backend against the laws of tool calling, provider by provider", "prove"),
    Command("card", "make a model's behaviour card: what holds, what deviates, with the evidence", "card"),
    Command("eval", "score models on evaluation suites, side by side, from their recordings", "evaluation"),
    Command("schema", "print the JSON schema of a file format, for editors", "schema"),
)

GROUPS = {
    "cassettes": "look after recordings: list, show, explain, check, cover, prune, audit, import, export",
    "local": "start or stop a real model on this machine",
}
"""Commands of two words, by a first one that is no command itself."""

JOBS = (
    ("regression suites", ("init", "run", "record", "verify", "diff", "mutate", "bisect")),
    ("replay", ("replay", "serve", "mcp", "mcp record", "mcp replay", "cassettes", "local")),
    ("conformance", ("prove", "card", "eval")),
    ("files", ("schema",)),
)
"""What people come for, and the commands of each: names of ``COMMANDS`` and of ``GROUPS``."""
