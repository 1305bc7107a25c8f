"""What differs in requests from call to call, or from user to user: left out where two requests are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Volatile:
    """A field that differs from call to call or from user to user, left out of the key: ``place`` says whether it
    is a dotted path in a JSON body, or a name in a query or a form.
    """

    provider: str
    place: Literal["body", "query", "form"]
    name: str
    why: str


VOLATILE = (
    Volatile("openai", "body", "idempotency_key", "random for each call"),
    Volatile("openai", "body", "metadata.request_id", "random for each call"),
    Volatile("openai", "body", "client_metadata", "the client's own version and machine"),
    Volatile("gemini", "query", "key", "the user's key, where it is not in a header"),
    Volatile("any", "query", "api_key", "the user's key"),
    Volatile("any", "query", "access_token", "the user's token"),
    Volatile("bedrock", "query", "X-Amz-Date", "the time of a presigned request"),
    Volatile("bedrock", "query", "X-Amz-Signature", "follows from the time and the key"),
    Volatile("bedrock", "query", "X-Amz-Credential", "the user's key id"),
    Volatile("bedrock", "query", "X-Amz-Security-Token", "the user's token"),
    Volatile("vertex_ai", "form", "assertion", "a signed time, sent for an access token"),
    Volatile("azure", "form", "client_assertion", "as above"),
    Volatile("azure", "form", "client_secret", "the user's secret"),
)
"""The one table of what is left out, whatever the provider of the row."""
