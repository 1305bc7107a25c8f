"""Kinds of keys that the rule set of others lacks or takes too narrowly: model providers' above all.

Each repetition is of one class and bounded, so a match takes bounded time from where it begins.
"""

from __future__ import annotations

from typing import NamedTuple

# No placeholder; one that letters follow may be what is left of another key.
NO_PLACEHOLDER = r"(?!(?:[a-z0-9]{2,7}-){0,2}REDACTED-\d{1,6}(?![A-Za-z0-9_-]))"
# A name of words and years between hyphens, as of a style or a page: each part is small letters alone, or a number.
NO_WORDS = r"(?!(?:[a-z]{1,24}|[0-9]{1,4})(?:[_-]{1,2}(?:[a-z]{1,24}|[0-9]{1,4})){1,40}(?![A-Za-z0-9_-]))"


class PrefixedRule(NamedTuple):
    """``pattern`` is matched where one of ``starts`` stands, ``back`` characters before it: behind no letter where
    there is a ``boundary``, and of at least so many bits of ``entropy`` a letter.
    """

    name: str
    starts: tuple[str, ...]
    pattern: str
    boundary: bool = True
    back: int = 0
    flags: int = 0
    entropy: float = 0.0


_LETTERS = "[A-Za-z0-9]"
_TOKEN = "[A-Za-z0-9_-]"  # noqa: S105 - a class of letters
_HEX = "[0-9a-f]"
_UUID = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"

PREFIXED = (
    PrefixedRule("an Anthropic key", ("sk-ant-",), rf"sk-{NO_WORDS}{NO_PLACEHOLDER}ant-{_TOKEN}{{16,512}}"),
    PrefixedRule(
        "an Anthropic key", ("sk-ant-",), rf"sk-{NO_WORDS}ant-{NO_PLACEHOLDER}{_TOKEN}{{32,512}}", boundary=False
    ),
    PrefixedRule(
        "an OpenAI-style key",
        ("sk-",),
        rf"sk-{NO_WORDS}{NO_PLACEHOLDER}(?:or-v1-|proj-|svcacct-|admin-|lf-)?[A-Za-z0-9_-]{{20,512}}",
    ),
    PrefixedRule(
        "an OpenAI-style key",
        ("sk-proj-", "sk-or-v1-", "sk-svcacct-"),
        rf"sk-{NO_WORDS}(?:or-v1-|proj-|svcacct-){NO_PLACEHOLDER}[A-Za-z0-9_-]{{32,512}}",
        boundary=False,
    ),
    PrefixedRule(
        "a Discord webhook",
        ("discord.com/api/webhooks/",),
        rf"discord\.com/api/webhooks/[0-9]{{17,20}}/{_TOKEN}{{60,80}}",
        boundary=False,
    ),
    PrefixedRule("a Google API key", ("AIza",), rf"AIza{NO_PLACEHOLDER}[0-9A-Za-z_-]{{35}}"),
    PrefixedRule("a Google API key", ("AQ.Ab",), rf"AQ\.Ab{_TOKEN}{{30,128}}"),
    PrefixedRule("a Google access token", ("ya29.",), rf"ya29\.{NO_PLACEHOLDER}[0-9A-Za-z_.-]{{20,2048}}"),
    PrefixedRule("a Google client secret", ("GOCSPX-",), rf"GOCSPX-{_TOKEN}{{20,64}}"),
    PrefixedRule("a Google refresh token", ("1//0",), rf"1//0{_TOKEN}{{30,256}}"),
    PrefixedRule("an AWS access key id", ("AKIA", "ASIA", "ABIA", "ACCA"), r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
    PrefixedRule("an Amazon Bedrock key", ("ABSK",), r"ABSK[A-Za-z0-9+/]{60,512}={0,2}"),
    PrefixedRule("a Groq key", ("gsk_",), r"gsk_[A-Za-z0-9]{32,128}", boundary=False),
    PrefixedRule("an xAI key", ("xai-",), r"xai-[A-Za-z0-9]{32,128}"),
    PrefixedRule("a Hugging Face token", ("hf_",), r"hf_[A-Za-z0-9]{30,128}"),
    PrefixedRule(
        "a GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{36,255}", boundary=False
    ),
    PrefixedRule("a GitHub token", ("github_pat_",), r"github_pat_[A-Za-z0-9_]{22,255}", boundary=False),
    PrefixedRule(
        "a Slack token",
        ("xoxa-", "xoxb-", "xoxp-", "xoxo-", "xoxs-", "xoxr-"),
        rf"xox[abposr]-{NO_PLACEHOLDER}[A-Za-z0-9-]{{20,255}}",
        boundary=False,
    ),
    PrefixedRule(
        "a JWT",
        ("eyJ",),
        r"eyJ[A-Za-z0-9_-]{10,4096}\.eyJ[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{10,2048}",
    ),
    PrefixedRule("an NVIDIA key", ("nvapi-",), rf"nvapi-{_TOKEN}{{32,128}}", boundary=False),
    PrefixedRule("a Perplexity key", ("pplx-",), rf"pplx-{_LETTERS}{{32,128}}", boundary=False),
    PrefixedRule("a Replicate token", ("r8_",), rf"r8_{_LETTERS}{{32,64}}"),
    PrefixedRule("a Fireworks key", ("fw_",), rf"fw_{_LETTERS}{{20,64}}(?![A-Za-z0-9_])"),
    PrefixedRule("a Cerebras key", ("csk-",), rf"csk-{_LETTERS}{{32,128}}", boundary=False),
    PrefixedRule("a LangSmith key", ("lsv2_",), rf"lsv2_(?:pt|sk|sec)_{_HEX}{{32}}_{_HEX}{{10}}", boundary=False),
    PrefixedRule("a LangSmith key", ("ls__",), rf"ls__{_HEX}{{32}}"),
    PrefixedRule("a Tavily key", ("tvly-",), rf"tvly-(?:dev-|prod-)?{_TOKEN}{{20,128}}", boundary=False),
    PrefixedRule("a Langfuse key", ("sk-lf-", "pk-lf-"), rf"[sp]k-lf-{_UUID}"),
    PrefixedRule("a Weights & Biases key", ("wandb_v1_",), r"wandb_v1_[A-Za-z0-9_]{20,128}"),
    PrefixedRule("a Together key", ("tgp_v1_",), rf"tgp_v1_{_TOKEN}{{32,64}}"),
    PrefixedRule("an Anyscale key", ("esecret_",), rf"esecret_{_LETTERS}{{20,64}}"),
    PrefixedRule("a LlamaCloud key", ("llx-",), rf"llx-{_LETTERS}{{32,64}}"),
    PrefixedRule("a Pinecone key", ("pcsk_",), r"pcsk_[A-Za-z0-9_]{40,128}"),
    PrefixedRule(
        "a Voyage key",
        ("pa-",),
        rf"pa-(?=[a-z_-]{{0,40}}[A-Z0-9])(?=[A-Z0-9_-]{{0,40}}[a-z]){_TOKEN}{{43}}(?![A-Za-z0-9_-])",
    ),
    PrefixedRule("a Jina key", ("jina_",), rf"jina_{_TOKEN}{{50,96}}"),
    PrefixedRule("a Neon key", ("napi_",), r"napi_[a-z0-9]{48,80}"),
    PrefixedRule("a New Relic key", ("NRAK-",), r"NRAK-[A-Z0-9]{27}"),
    PrefixedRule("a Figma token", ("figd_",), rf"figd_{_TOKEN}{{36,80}}"),
    PrefixedRule("a Dropbox token", ("sl.",), rf"sl\.(?:u\.)?{_TOKEN}{{100,2048}}"),
    PrefixedRule("a HubSpot token", ("pat-na", "pat-eu"), rf"pat-(?:na|eu)[0-9]-{_UUID}"),
    PrefixedRule("a Baidu key", ("bce-v3/",), rf"bce-v3/ALTAK-{_LETTERS}{{16,32}}/{_HEX}{{40}}"),
    PrefixedRule("a Cartesia key", ("sk_car_",), rf"sk_car_{_TOKEN}{{20,64}}"),
    PrefixedRule(
        "a Predibase key",
        ("pb_",),
        rf"pb_(?=[A-Za-z]{{0,20}}[0-9])(?=[a-z0-9]{{0,20}}[A-Z]){_LETTERS}{{22}}(?![A-Za-z0-9_])",
    ),
    PrefixedRule("a Mem0 key", ("m0-",), rf"m0-{_LETTERS}{{40}}(?![A-Za-z0-9_-])"),
    PrefixedRule(
        "a Brave key",
        ("BSA",),
        rf"BSA(?=[A-Za-z_-]{{0,20}}[0-9])(?=[A-Z0-9_-]{{0,20}}[a-z]){_TOKEN}{{28}}(?![A-Za-z0-9_-])",
    ),
    PrefixedRule("a Firecrawl key", ("fc-",), rf"fc-{_HEX}{{32}}\b"),
    PrefixedRule("an ElevenLabs key", ("sk_",), rf"sk_{_HEX}{{48}}\b"),
    PrefixedRule("a PostHog key", ("phx_", "phc_"), rf"ph[xc]_{_LETTERS}{{32,64}}"),
    PrefixedRule("a Logfire token", ("pylf_v",), rf"pylf_v\d{{1,2}}_[a-z]{{2}}_{_LETTERS}{{32,64}}"),
    PrefixedRule("an E2B key", ("e2b_",), rf"e2b_{_HEX}{{32,64}}"),
    PrefixedRule("a RunPod key", ("rpa_",), rf"rpa_{_LETTERS}{{32,64}}"),
    PrefixedRule("a Friendli token", ("flp_",), rf"flp_{_LETTERS}{{32,64}}"),
    PrefixedRule("a Browserbase key", ("bb_live_",), rf"bb_live_{_TOKEN}{{20,64}}"),
    PrefixedRule("a Vercel AI Gateway key", ("vck_",), rf"vck_{_LETTERS}{{32,80}}"),
    PrefixedRule("a Humanloop key", ("hl_sk_",), rf"hl_sk_{_LETTERS}{{20,80}}"),
    PrefixedRule("a Supabase token", ("sbp_", "sb_secret_"), r"(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,64})"),
    PrefixedRule(
        "a Modal token", ("ak-", "as-"), rf"a[ks]-[A-Z](?=[A-Za-z]{{0,20}}[0-9]){_LETTERS}{{21}}(?![A-Za-z0-9_-])"
    ),
    PrefixedRule("a realtime client secret", ("ek_",), rf"ek_{_LETTERS}{{24,128}}"),
    PrefixedRule("a Stripe key", ("whsec_",), r"whsec_[A-Za-z0-9+/]{24,64}"),
    PrefixedRule("an Atlassian token", ("ATATT3",), r"ATATT3[A-Za-z0-9_=-]{60,256}", boundary=False),
    PrefixedRule("a Docker token", ("dckr_pat_",), rf"dckr_pat_{_TOKEN}{{20,64}}"),
    PrefixedRule("an Azure client secret", ("8Q~", "7Q~"), r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}", back=3),
    PrefixedRule("an Azure key", ("JQQJ99",), r"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{20,40}", back=52),
    PrefixedRule(
        "a Slack webhook",
        ("hooks.slack.com/",),
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,80}",
    ),
    PrefixedRule(
        "a Teams webhook",
        (".webhook.office.com/",),
        r"\.webhook\.office\.com/webhookb2/[a-z0-9@-]{40,90}/IncomingWebhook/[a-z0-9]{32}/[a-z0-9-]{36}",
        boundary=False,
    ),
    PrefixedRule("a Terraform token", (".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}", back=14),
    PrefixedRule("a Vault token", ("hvs.",), r"hvs\.[A-Za-z0-9_-]{20,256}"),
    PrefixedRule("a Mailchimp key", ("-us",), rf"{_HEX}{{32}}-us[0-9]{{1,2}}\b", back=32),
    PrefixedRule("a Twilio key", ("SK",), r"SK[0-9a-f]{32}\b"),
)
