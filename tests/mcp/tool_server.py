"""An MCP server of the official package: two tools, one that reports progress, one that asks its client back."""

from __future__ import annotations

import sys

try:
    from mcp.server.mcpserver import Context, MCPServer
except ImportError:
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp import FastMCP as MCPServer

server = MCPServer("places")


@server.tool()
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


@server.tool()
async def population(city: str, ctx: Context) -> str:
    """How many people live in a city."""
    await ctx.report_progress(1, 2)
    await ctx.report_progress(2, 2)
    return f"2 million in {city}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["http"]:
        import uvicorn

        uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
    else:
        server.run(transport="stdio")
