"""Hides the password of a URL in messages and in files."""

import re

HIDDEN = "***"

# scheme://user:PASSWORD@host; the last @ counts, since people forget to escape the others. But a
# port and a path are no password.
_USER_INFO = re.compile(r"(://[^:/@]*:)(?!\d{1,5}/).*(?=@)", re.DOTALL)
# Those of presigned URLs (S3, Azure, Google) are among them.
_NAME = r"[\w.-]*(?:password|secret|token|signature|sig|api_?key)"
_PARAMETER = re.compile(rf"([?&]{_NAME}=)[^&#]*", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Return whether a parameter of a URL holds a password, by its name."""
    return re.fullmatch(_NAME, name, re.IGNORECASE) is not None


def hide_password(url: str) -> str:
    """Return a URL with `HIDDEN` in place of its password; any other text is returned unchanged."""
    return _PARAMETER.sub(rf"\g<1>{HIDDEN}", _USER_INFO.sub(rf"\g<1>{HIDDEN}", url))
