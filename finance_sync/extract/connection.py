"""Where a system is: its connection's URL with placeholders filled in, and texts without its secrets.

Belongs here: expansion and masking of URLs, the quick look whether a host answers. Does not: reading anything.
"""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from finance_sync.catalog.models import System
from finance_sync.errors import SourceError
from finance_sync.settings import Settings, environment_value

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key|sig|credential", re.IGNORECASE)
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433, "oracle": 1521}
CONNECT_SECONDS = 5
MASK = "***"


@dataclass(frozen=True)
class Address:
    """A connection's URL, expanded.

    Attributes:
        url: with its secrets; never to be shown.
        secrets: texts that must not appear in a message or a manifest.
    """

    url: str
    secrets: tuple[str, ...]

    def scrub(self, text: object) -> str:
        """The text with every secret of the URL masked."""
        shown = str(text)
        for secret in self.secrets:
            shown = shown.replace(secret, MASK)
        return shown

    @property
    def shown(self) -> str:
        """The URL as it may be shown."""
        return self.scrub(self.url)


def address_of(settings: Settings, system: System) -> Address:
    """Expand ``${NAME}``, ``{home}`` and ``{deployment}`` in a system's connection URL.

    Raises:
        SourceError: a variable is not set; names it.
    """
    declared = system.connection.url
    secrets: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        value = environment_value(settings, match[1])
        if value is None:
            raise SourceError(
                f"system {system.system}: connection.url needs ${{{match[1]}}}, which is not set",
                remedy=f"set the environment variable {match[1]}",
            )
        if _SECRET_NAME.search(match[1]):
            secrets.add(value)
        return value

    url = (
        _PLACEHOLDER.sub(fill, declared)
        .replace("{home}", str(settings.home))
        .replace("{deployment}", str(settings.deployment))
    )
    return Address(url, tuple(sorted(secrets | _url_secrets(url), key=len, reverse=True)))


def _url_secrets(url: str) -> set[str]:
    with contextlib.suppress(ValueError):  # not every fsspec URL is one that urllib can split
        parts = urlsplit(url)
        found = {value for name, value in parse_qsl(parts.query) if _SECRET_NAME.search(name)}
        if parts.password:
            found |= {parts.password, unquote(parts.password)}
        return {secret for secret in found if secret}
    return set()


def require_host(address: Address, where: str) -> None:
    """Fail within seconds when the database's host does not answer, instead of waiting for the driver's own limit.

    Args:
        address: of the database. One without a host (a local file or socket) passes.
        where: system and object, for the message.

    Raises:
        SourceError: no connection; names host and port, never the password.
    """
    parts = urlsplit(address.url)
    port = parts.port or _PORTS.get(parts.scheme.split("+")[0])
    if not parts.hostname or port is None:
        return
    try:
        with socket.create_connection((parts.hostname, port), timeout=CONNECT_SECONDS):
            return
    except OSError as error:
        raise SourceError(
            f"{where}: the database at {parts.hostname}:{port} does not answer ({error.strerror or error})",
            remedy="check that it runs, that the host and port in connection.url are right, and that the network allows it",
        ) from error
