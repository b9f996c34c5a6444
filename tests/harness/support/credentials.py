"""Texts with the format of credentials, for tests, and texts that only resemble one. None of them was ever valid.

They are put together here, so that scanners of repositories do not report them.
"""

_ALPHANUMERIC = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6kL9nO2qR5tU8wX1zA4cD7fG0iJ3lM6oP9rS2uV5xY8bE1dH4"
_HEX = "0123456789abcdef" * 8
_UPPER = "Q7RSTUV2WXYZ3ABC"


def _token(length: int) -> str:
    return (_ALPHANUMERIC * 2)[:length]


def _pem(label: str, headers: str = "") -> str:
    return f"-----BEGIN {label}-----\n{headers}{_token(64)}\n{_token(64)}\n-----END {label}-----\n"


CREDENTIALS = {
    "an Anthropic API key": f"sk-ant-api03-{_token(93)}AA",
    "an OpenAI API key of a project": f"sk-proj-{_token(74)}T3BlbkFJ{_token(74)}",
    "an OpenAI API key of a service": f"sk-svcacct-{_token(58)}T3BlbkFJ{_token(58)}",
    "an OpenAI API key that is shorter": f"sk-proj-{_token(48)}",
    "an OpenRouter API key": f"sk-or-v1-{_HEX[:64]}",
    "an API key": f"sk-{_HEX[:32]}",
    "an API key of a user of OpenAI": f"sk-{_token(20)}T3BlbkFJ{_token(20)}",
    "a LangSmith API key": f"lsv2_pt_{_HEX[:32]}_{_HEX[:10]}",
    "a LangSmith API key of a service": f"lsv2_sk_{_HEX[:32]}_{_HEX[:10]}",
    "a Langfuse secret key": "sk-lf-01234567-89ab-cdef-0123-456789abcdef",
    "a Groq API key": f"gsk_{_token(52)}",
    "an xAI API key": f"xai-{_token(80)}",
    "a Perplexity API key": f"pplx-{_token(48)}",
    "a Hugging Face token": f"hf_{_token(34)}",
    "a Hugging Face token of an organization": f"api_org_{_token(34)}",
    "a Replicate API token": f"r8_{_token(37)}",
    "a Pinecone API key": f"pcsk_{_token(6)}_{_token(63)}",
    "an NVIDIA API key": f"nvapi-{_token(64)}",
    "a Google API key": f"AIza{'SyB' + _token(32)}",
    "an AWS access key": f"AKIA{_UPPER}",
    "an AWS access key as in its documents": "AKIAIOSFODNN7EXAMPLE",
    "an AWS access key of a session": f"ASIA{_UPPER}",
    "a GitHub token": f"ghp_{_token(36)}",
    "a GitHub token of OAuth": f"gho_{_token(36)}",
    "a GitHub token of a user of an app": f"ghu_{_token(36)}",
    "a GitHub token of an app": f"ghs_{_token(36)}",
    "a GitHub token for refreshing": f"ghr_{_token(36)}",
    "a GitHub token with fine-grained rights": f"github_pat_{_token(22)}_{_token(59)}",
    "a GitLab token": f"glpat-{_token(20)}",
    "a Slack token of a bot": f"xoxb-123456789012-1234567890123-{_token(24)}",
    "a Slack token of a user": f"xoxp-123456789012-123456789012-123456789012-{_HEX[:32]}",
    "a Slack token of an app": f"xapp-1-A0123456789-1234567890123-{_HEX[:64]}",
    "a Stripe key": f"sk_live_{_token(24)}",
    "a Stripe key with restricted rights": f"rk_live_{_token(24)}",
    "a SendGrid API key": f"SG.{_token(22)}.{_token(43)}",
    "a Databricks token": f"dapi{_HEX[:32]}",
    "a Vault token": f"hvs.{_token(95)}",
    "an npm token": f"npm_{_token(36)}",
    "a PyPI token": f"pypi-AgEIcHlwaS5vcmc{_token(60)}",
    "a private key": _pem("PRIVATE KEY"),
    "a private key of RSA": _pem("RSA PRIVATE KEY"),
    "a private key of OpenSSH": _pem("OPENSSH PRIVATE KEY"),
    "a private key of PGP": _pem("PGP PRIVATE KEY BLOCK", "Version: GnuPG v2\n\n"),
    "a private key that is encrypted": _pem(
        "RSA PRIVATE KEY", f"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{_HEX[:32]}\n\n"
    ),
}
"""By the beginning of what is reported, and more where a format has variants."""

NEAR_MISSES = {
    "nothing": "",
    "a prompt": "You answer customers of a bicycle shop. Never ask for a password.",
    "a prompt that mentions prefixes": "Never repeat keys: sk-, sk-ant-, sk-proj-…, ghp_, github_pat_, xoxb-, AKIA.",
    "placeholders": "OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxx ANTHROPIC_API_KEY=sk-ant-api03-... TOKEN=xoxb-your-own",
    "a placeholder of OpenAI's length": "sk-" + 48 * "x",
    "a word that ends in sk": f"task-{_HEX[:32]}",
    "a key that is too short": f"ghp_{_token(35)}",
    "a key in capital letters": f"GHP_{_token(36)}",
    "a prefix inside a word": f"xghp_{_token(36)}",
    "a prefix in base64": f"{_token(9)}AIza{_token(40)}",
    "words after the prefix of a key": "sk-" + "-".join(["learn", "the", "rules", "of", "risk", "management"] * 3),
    "the header of a private key": "Print nothing that begins with -----BEGIN RSA PRIVATE KEY-----, whoever asks.",
    "a public key": _pem("PUBLIC KEY"),
    "a certificate": _pem("CERTIFICATE"),
    "a UUID": "01234567-89ab-cdef-0123-456789abcdef",
    "a digest": f"sha256:{_HEX[:64]}",
    "a public key of Stripe": f"pk_live_{_token(24)}",
    "a test key of Stripe": f"sk_test_{_token(24)}",
    "a public key of Langfuse": "pk-lf-01234567-89ab-cdef-0123-456789abcdef",
    "the name of a model": "anthropic:claude-sonnet-4-5-20250929",
}
"""Texts without a credential, by what they are."""
