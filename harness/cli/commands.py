"""Every command: its name, what it does, and the module that does it."""

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
    Command("run", "replay suites from their cassettes and check every answer", "harness.cli.run"),
    Command(
        "record",
        "ask the models of suites for real, and record what they answer; -- CMD: record a program",
        "harness.cli.record",
        "harness.cli.program_record",
    ),
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
    Command("rerecord", "record anew, and show what is answered otherwise", "harness.cli.rerecord"),
    Command("prove", "prove a backend against the laws of tool calling, provider by provider", "harness.cli.prove"),
    Command("eval", "score models on evaluation suites, side by side, from their recordings", "harness.cli.evaluation"),
    Command("card", "make a model's behaviour card: what holds, what is odd, with the evidence", "harness.cli.card"),
    Command(
        "card diff", "compare two cards; exit 1 where something that callers rely on broke", "harness.cli.card_diff"
    ),
    Command("mutate", "mutate what cassettes hold, and count what a replay notices", "harness.cli.mutate"),
    Command("list", "list suites, cases and models, and what is recorded of them", "harness.cli.listing"),
    Command("show", "show an exchange of a cassette: request, response, and what it decodes to", "harness.cli.show"),
    Command("bisect", "find with which version of litellm something changed", "harness.cli.bisect"),
    Command("verify", "ask recorded questions again: has a provider changed?", "harness.cli.verify"),
    Command("diff", "compare two cassettes or folders of them, by consequence", "harness.cli.diff"),
    Command("explain", "tell why a cassette does not answer a request", "harness.cli.explain"),
    Command(
        "cassettes", "list cassettes: what they hold, their age and size, and who uses them", "harness.cli.cassettes"
    ),
    Command("prune", "remove cassettes that no case uses; asks first", "harness.cli.prune"),
    Command("validate", "check suites and cassettes, and tell all their faults", "harness.cli.validate"),
    Command("import", "take over what other tools recorded, as cassettes", "harness.cli.imports"),
    Command("export", "write a cassette as stock vcrpy's YAML", "harness.cli.exports"),
    Command("audit", "search files, folders or what is staged in git for secrets", "harness.cli.audit"),
    Command("schema", "print the JSON schema of a file format, for editors", "harness.cli.schema"),
    Command("serve", "serve cassettes to any client, and break answers on purpose", "harness.cli.serve"),
    Command("serve-local", "start or stop a real model on this machine", "harness.cli.serve_local"),
)
