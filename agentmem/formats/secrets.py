"""Redact keys, tokens and passwords, which terminals show and transcripts contain."""

from __future__ import annotations

import re

__all__ = ["REDACTED", "redact_secrets"]

REDACTED = "[redacted]"

# Keys whose makers gave them a recognizable form.
_KEYS = re.compile(
    r"""
    \b(?:
        sk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{16,}            # OpenAI, Anthropic, OpenRouter
      | (?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{30,}            # GitHub
      | github_pat_[A-Za-z0-9_]{40,}
      | glpat-[A-Za-z0-9_-]{16,}                            # GitLab
      | hf_[A-Za-z0-9]{30,}                                 # Hugging Face
      | (?:AKIA|ASIA)[A-Z0-9]{16}                           # AWS
      | AIza[A-Za-z0-9_-]{30,}                              # Google
      | xox[abeprs]-[A-Za-z0-9-]{10,}                       # Slack
      | (?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}         # Stripe
      | npm_[A-Za-z0-9]{30,}
      | pypi-[A-Za-z0-9_-]{40,}
      | amt_[A-Za-z0-9_-]{30,}                              # agentmem
      | eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}   # JSON Web Tokens
    )
    """,
    re.VERBOSE,
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
# `API_KEY=...`, `"password": "..."`, `Authorization: Bearer ...`; the name stays.
_ASSIGNED = re.compile(
    r"""((?:api[_-]?key|secret(?:[_-]?key)?|access[_-]?token|auth[_-]?token|token|passw(?:or)?d)
         ["']?\s*[:=]\s*["']?|bearer\s+)
        (?=[^\s"']*[0-9])[^\s"',;]{8,}""",
    re.VERBOSE | re.IGNORECASE,
)
# The password in the address of a server.
_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]+:)[^\s@/]+(?=@)", re.IGNORECASE)


def redact_secrets(text: str) -> str:
    """Return a text with keys, tokens and passwords replaced.

    >>> redact_secrets("export OPENAI_API_KEY=sk-proj-abcdefghijklmnop1234")
    'export OPENAI_API_KEY=[redacted]'
    >>> redact_secrets("postgres://ada:hunter22@db/app")
    'postgres://ada:[redacted]@db/app'
    """
    text = _PRIVATE_KEY.sub(REDACTED, text)
    text = _KEYS.sub(REDACTED, text)
    text = _ASSIGNED.sub(rf"\1{REDACTED}", text)
    return _IN_URL.sub(rf"\1{REDACTED}", text)
