"""Every command: its name, what it does, the module that does it, and the job that it is for."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """One command. ``module`` has ``configure(parser)``, ``run(words) -> exit code`` and ``EXAMPLES``; ``program`` is
    the module for ``harness NAME … -- CMD …``, where the words after ``--`` are a program's.
    """

    name: str
    summary: str
    module: str
    program: str = ""


COMMANDS = (
    Command("init", "write a first suite, test and CI job into this folder", "harness.cli.init"),
    Command("run", "replay suites from their cassettes and check every answer", "harness.cli.run"),
    Command(
        "record",
        "ask the models of suites for real, record, show what changed; -- CMD: record a program",
        "harness.cli.record",
        "harness.cli.program_record",
    ),
    Command("verify", "ask recorded questions again: has a provider changed?", "harness.cli.verify"),
    Command("diff", "compare two cassettes, folders of them, or cards, by consequence", "harness.cli.diff"),
    Command("mutate", "mutate what cassettes hold, and count what a replay notices", "harness.cli.mutate"),
    Command("bisect", "find with which version of litellm something changed", "harness.cli.bisect"),
    Command(
        "replay",
        "run a program offline, answered from what `record -- CMD` recorded",
        "harness.cli.program_replay",
        "harness.cli.program_replay",
    ),
    Command(
        "mcp",
        "stand in for an MCP server over stdio, inside `record -- CMD` and `replay -- CMD`",
        "harness.cli.mcp",
        "harness.cli.mcp",
    ),
    Command(
        "mcp record", "record what an MCP client and server say", "harness.cli.mcp_record", "harness.cli.mcp_record"
    ),
    Command("mcp replay", "answer an MCP client from a recording", "harness.cli.mcp_replay", "harness.cli.mcp_replay"),
    Command("serve", "serve cassettes to any client, and break answers on purpose", "harness.cli.serve"),
    Command(
        "cassettes list", "list cases and cassettes: what is recorded, how old, unused", "harness.cli.cassettes.listing"
    ),
    Command(
        "cassettes show", "show an exchange: request, response, and what it decodes to", "harness.cli.cassettes.show"
    ),
    Command("cassettes explain", "explain why a cassette does not answer a request", "harness.cli.cassettes.explain"),
    Command("cassettes check", "check suites and cassettes, and list all their faults", "harness.cli.cassettes.check"),
    Command(
        "cassettes cover",
        "show which card cells have a real recording, and what is worth asking",
        "harness.cli.cassettes.cover",
    ),
    Command("cassettes prune", "remove cassettes that no case uses; asks first", "harness.cli.cassettes.prune"),
    Command(
        "cassettes audit", "search files, folders or what is staged in git for secrets", "harness.cli.cassettes.audit"
    ),
    Command("cassettes import", "convert what other tools recorded to cassettes", "harness.cli.cassettes.imports"),
    Command("cassettes export", "write a cassette as stock vcrpy's YAML", "harness.cli.cassettes.exports"),
    Command("local start", "start a real model on this machine", "harness.cli.local_start"),
    Command("local stop", "stop the model that was left running", "harness.cli.local_stop"),
    Command("prove", "prove a backend against the laws of tool calling, provider by provider", "harness.cli.prove"),
    Command("card", "make a model's behaviour card: what holds, what is odd, with the evidence", "harness.cli.card"),
    Command("eval", "score models on evaluation suites, side by side, from their recordings", "harness.cli.evaluation"),
    Command("schema", "print the JSON schema of a file format, for editors", "harness.cli.schema"),
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
