"""Each broken backend's own laws: those that it may be blamed for. What follows from a fault is its own, too."""

from __future__ import annotations

_BY_LAWS = {
    # Under other names on the wire a call that is written as text names a tool that was not offered: D9.
    "N4 N8 N9 Q6 D9": "naive-replace",
    "N3 N4 N8 N9 Q6 D9": "slash-to-dash names-lowered",
    "N4 N8 Q6 N3 D9": "names-cut-at-64",
    "N3 N8 D9": "names-escaped-always",
    "D9 N3 N5 N4 N8 Q6": "history-not-mapped",
    "N3 N4 N8 Q6 N6 D9": "global-name-table",
    "N8": "tools-deduplicated",
    "Q2 N8 Q6": "first-tool-only last-tool-dropped",
    "N7 N4 N5 N8 N9 Q6 D9": "caller-tools-changed",
    "N7": (
        "caller-messages-grown caller-changed-on-failure caller-changed-for-now caller-changed-later "
        "caller-schemas-closed caller-schemas-sorted caller-arguments-parsed caller-stops-grown caller-numbers-changed "
    ),
    "D1 D2 D10 D15 N9": "calls-lost-beside-text",
    "D7": "text-lost-beside-calls text-lost-beside-errors",
    "D3 D7 D9": "text-lost-with-tools text-fences-cut text-cut-500",
    "D1 D2 D10 D15 N9 D9": "empty-arguments-crash finish-trusted",
    "D3 D9 D10 D15 N9": "no-call-crash",
    "D10 D15 N9 N4": "bad-call-loses-the-rest",
    "D10": "bad-call-dropped",
    "D10 D15 N9": "bad-call-is-empty-call error-place-lost decode-error-raised stream-errors-lost",
    "D10 D15": "raw-text-lost duplicate-keys-merged",
    "N9": "unknown-tool-passed-on unknown-tool-dropped unchecked-without-tools nearest-name",
    "D9 D3": "json-text-is-a-call",
    "D9": "call-text-ignored",
    "D2 D9 D10 D15 N9": "first-call-only last-call-lost equal-calls-merged",
    "D2 D9 D13": "calls-reversed calls-sorted whole-calls-reversed",
    "D13": "ids-reused ids-remade ids-lost ids-cut-at-9 second-id-lost random-ids",
    "D5 D6": (
        "double-decoding empty-strings-dropped strings-cut-1000 strings-cut-4096 strings-cut-10000 "
        "strings-shortened lists-cut-10 lists-cut-100 lists-sorted lists-of-one lists-flattened "
        "lists-without-doubles depth-5 depth-20 depth-50 ten-fields fifty-fields keys-lowered keys-snake-case "
        "keys-stripped keys-normalised keys-made-identifiers keys-javascript-order keys-dollar-dropped "
        "keys-proto-dropped keys-self-dropped keys-reserved-renamed keys-dotted-nested arguments-unwrapped "
        "empty-objects-null empty-lists-dropped null-as-empty false-dropped zero-dropped integers-to-floats "
        "integers-32-bit integers-64-bit floats-two-digits floats-six-digits floats-single "
        "large-floats-to-integers numbers-from-text words-from-text dates-rewritten newlines-unified "
        "carriage-returns newlines-escaped newlines-unescaped tabs-expanded backslashes-doubled "
        "backslashes-halved escapes-decoded quotes-straightened apostrophes-doubled html-unescaped "
        "urls-decoded blanks-plain blanks-single zero-width-dropped control-dropped nul-ends line-separators "
        "bidi-dropped strings-compatible strings-decomposed strings-latin private-dropped replacement-dropped "
        "markers-cut fences-cut templates-filled ansi-dropped ellipsis stars-masked custom-text-parsed "
    ),
    "D5": (
        "big-ints-through-float whole-floats-to-ints booleans-to-ints none-dropped keys-sorted minus-zero "
        "floats-rounded numbers-as-strings "
    ),
    "D6": (
        "strings-stripped strings-normalised strings-to-ascii slash-restored-in-values html-escaped "
        "emoji-halved markers-stripped "
    ),
    "D3 D7": "text-stripped text-emoji-lost text-cut text-newlines",
    "E1 E3 E4 D10 N8 S6 Q6": "errors-swallowed",
    "S6 D10": "cut-is-empty-stop half-call-at-cut",
    "S2 S6": "utf8-by-chunk",
    "S2 S1 S4 S6 D10 D15 N9 D9 E3": "lines-by-chunk",
    "S1 S2 S3 S4 D1 D2 D4 D5 D6 D10 D15 N9 D12 D19 D7 D3": "last-delta-lost",
    "S1 S2 S3 D1 D2 D10 D15 N9": "index-ignored",
    "S7": (
        "counts-as-floats counts-as-booleans usage-lost total-lost counts-swapped counts-added counts-zero "
        "total-is-prompt stream-counts-lost "
    ),
    "S5": (
        "finish-made-up finish-by-calls length-is-stop length-beside-calls filter-is-stop finish-lost "
        "stream-finish-lost new-words-are-none "
    ),
    "N6": (
        "answer-on-the-object questions-coalesced host-of-the-last model-of-the-last mode-of-the-last "
        "tools-of-the-last first-loop-kept "
    ),
    "N6 D9": "latest-table",
    "N4 N9 D10 D15 D9": "last-tool-only",
    "Q6 N5 D9": "choice-not-mapped",
    "N5 D9": "earlier-calls-not-mapped results-not-mapped",
    "Q3": (
        "choice-dropped choice-is-auto choice-any choice-none-dropped choice-words-dropped parallel-forgotten "
        "parallel-as-number parallel-inverted allowed-tools-dropped allowed-tools-first "
    ),
    "Q5": "history-dropped custom-calls-as-functions",
    "T6": "state-dropped state-changed state-first-block state-redacted-dropped",
    "T7": "state-to-any-model",
    "T6 T7": "text-lost-beside-state",
    "T5": "history-ids-cut history-ids-cleaned",
    "T5 Q6": "result-ids-kept",
    "D4 D5 D6": "parameters-as-text",
    "D4": "empty-is-none",
    "D2 D13 D9 D10": "calls-by-text-of-index",
    "D2": "ten-calls-at-most",
    "D1 D2 D3 D9 D10 D11 D15 N9 N6": "calls-accumulate",
    "D3 D7 D8 D18": "reasoning-in-text",
    "D14 D1 D2 D3 D10 D15 N9": "provider-tools-handed-on",
    "D14": "provider-tools-forgotten provider-results-forgotten provider-results-as-text",
    "D15": "empty-at-limit empty-at-filter",
    "D1 D2 D15": "stopped-calls-dropped",
    "S5 D15": "kin-words-are-stop",
    "E3": ("failures-are-answers failure-class-lost failure-status-lost failure-words-lost failure-with-traceback "),
    "S4": "mark-before-events cr-no-line-end last-data-line space-wanted label-trusted",
    "D17": "first-text-part",
    "Q7": "lone-results-sent second-results-sent blanks-sent nameless-calls-sent",
    "S3 S1 D1 D2 D10 D15 N9": "minus-one-dropped",
    "S1 D3 D7": "blank-deltas-dropped",
    "D10 N9 D15 S1 D3 D7 D9 D1 D2": "first-delta-lost",
    "S1 S5 S7 S4 U3 D1 D2 D7 D10 D15 N9": "ends-at-finish",
    "Q1 Q5": (
        "image-detail-added image-detail-dropped "
        "system-dropped system-as-user system-last second-system-dropped system-stripped results-dropped system-added "
        "continue-added messages-merged empty-messages-dropped first-part-only parts-joined prompt-stripped "
        "prompt-normalised prompt-to-ascii prompt-cut prompt-formatted prompt-newlines prompt-escaped "
        "prompt-spaces text-beside-calls-dropped results-as-user results-cut results-dumped results-quoted "
        "empty-results results-stripped errors-hidden arguments-emptied arguments-sorted arguments-as-strings "
        "conversation-kept images-dropped first-image-only images-to-last images-first images-all-jpeg image-data-cut "
        "image-urls-unquoted result-images-dropped result-images-by-user "
    ),
    # The backend that it is put into refuses a result without its call: nothing is asked.
    "Q1 Q5 Q6": "last-message-only messages-reversed window-of-six assistants-dropped last-twice",
    "Q5 N5 T5": "results-swapped",
    "Q2": (
        "strict-as-one marks-as-ones namespaces-undescribed "
        "descriptions-dropped descriptions-cut descriptions-first-line schemas-dropped one-schema-for-all "
        "required-dropped enums-dropped defaults-dropped formats-dropped limits-dropped fields-undescribed "
        "definitions-dropped schemas-closed schemas-open all-required first-type-only first-branch-only "
        "integers-as-numbers schemas-flat fields-sorted titles-added strict-dropped marks-dropped "
        "custom-tools-as-functions custom-grammars-dropped "
        "recursion-cut root-references-cut references-not-null "
    ),
    "Q2 Q6 N8": "sixteen-tools sixty-four-tools hundred-tools",
    "Q2 N8": "tools-only-at-first",
    "Q4": (
        "temperature-as-boolean top-p-as-boolean seed-as-boolean limit-as-float json-schema-renamed "
        "json-strict-added json-strict-dropped "
        "temperature-dropped temperature-zero-dropped temperature-added limit-dropped limit-capped "
        "first-stop-only seed-dropped top-p-rounded json-schema-dropped other-model "
        "stream-ignored options-kept json-dropped "
    ),
    "Q6": "asked-twice server-errors-retried",
    "E2 Q6": "errors-retried",
    "Q6 D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D13 D14 D15 D18 D19 N4 N6 N8 N9 S5 S6 S7 U3 E1 E3 E4": "answers-cached",
    "D7 D8 D3 D18 N6": "last-text",
    "D7 D8 D3 D18": "text-only-thoughts",
    "Q1": "system-kept",
    "D1 D2 D9 D10 D15 N9 N6": "every-tenth",
    "U3": "id-lost model-lost",
    "D19": "reasoning-lost reasoning-stripped stream-thoughts-lost",
    "D18": "refusal-lost",
    "D18 D3": "refusal-as-text",
    "S1 D9 D10 D15 N9": "stream-first-call",
    "S1 D7 D8 D9 D3": "stream-text-doubled",
    "S1 D7 D3 D9": "stream-text-stripped",
    "E1 E3 E4": "errors-generic servers-as-requests errors-as-python status-lost status-as-float",
    "E1 E3": "limits-as-server",
    "E4": "wait-lost wait-whole wait-dates-lost failure-wait-lost",
    "E1 E3 E4 S6 D10 N8 Q6": "never-raises",
}
OWN: dict[str, str] = {name: laws for laws, names in _BY_LAWS.items() for name in names.split()}
