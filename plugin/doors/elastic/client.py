"""The one way to Elasticsearch: a client made from settings, and its exceptions told in our words.

Nothing outside this folder names the `elasticsearch` package. Every call is made inside `asking`, so that whatever the
server or the network says ends as `Unavailable` or `Refused`: one sentence that tells where, what and what next.
"""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from elastic_transport import ConnectionTimeout, TlsError
from elasticsearch import (
    ApiError,
    AuthenticationException,
    AuthorizationException,
    Elasticsearch,
    NotFoundError,
    TransportError,
    UnsupportedProductError,
)

from plugin.config import ElasticsearchSettings
from plugin.doors.elastic.decoding import FastJson
from plugin.errors import ConfigError, Refused, ServiceError, Unavailable

OLDEST = (8, 14)
"""The first version whose answers we know: its query language and its searches with a point in time are settled."""
OPENSSL_NOISE = re.compile(r"\[[A-Z0-9:_ ]+\] | \(_ssl\.c:\d+\)")
"""What OpenSSL puts around its reason, for its own developers."""
TOO_LARGE = 413
TRANSIENT = frozenset({429, 500, 502, 503, 504})
"""Statuses of a server that is busy, restarting or behind a proxy that lost it: the same call may go through later."""


def connect(settings: ElasticsearchSettings) -> Elasticsearch:
    """A client that has not spoken to the server yet.

    Its own retries are off: they do not wait, and each caller knows better what may be repeated.

    Raises:
        ConfigError: the key's file cannot be read, or the authority's holds no certificate.
    """
    return Elasticsearch(
        settings.url,
        api_key=_api_key(settings),
        request_timeout=settings.request_timeout_s,
        max_retries=0,
        retry_on_timeout=False,
        http_compress=settings.compress,
        serializers={FastJson.mimetype: FastJson()},
        **_tls(settings),
    )


@contextlib.contextmanager
def asking(client: Elasticsearch, operation: str) -> Iterator[None]:
    """Translate what goes wrong while the server is asked to do `operation`, a phrase like `read logs-*`.

    Raises:
        Unavailable: no answer, or one that says: not now.
        Refused: the answer is no, and will be no again.
    """
    try:
        yield
    except ApiError as error:
        raise _answered(error, _where(client, operation)) from error
    except TransportError as error:
        raise _unanswered(error, _where(client, operation)) from error


def version(client: Elasticsearch, oldest: tuple[int, ...] = OLDEST) -> str:
    """The oldest version among the cluster's nodes, as `8.19.8`.

    `GET /` is missing in reduced builds of the server, so the nodes are asked.

    Raises:
        Refused: it is older than `oldest`, or not Elasticsearch.
    """
    with asking(client, "read its version"):
        # Plain strings suffice for the filter, and the rest of a large cluster's answer is not sent.
        nodes = client.nodes.info(filter_path="nodes.*.version")["nodes"]
    found = min((str(node["version"]) for node in nodes.values()), key=_numbers)
    if _numbers(found) < oldest:
        raise Refused(
            f"{url(client)} is Elasticsearch {found}, which is too old: "
            f"upgrade it to {'.'.join(map(str, oldest))} or newer"
        )
    return found


def url(client: Elasticsearch) -> str:
    """Where the client's server is; holds no secret, because settings allow none in it."""
    return next(iter(client.transport.node_pool.all())).base_url


def reason(error: ApiError) -> str:
    """The server's own words: `type: reason`, or what stands there instead."""
    body: object = error.body
    cause = body.get("error", body) if isinstance(body, Mapping) else body
    return cause_words(cause) or f"status {error.status_code}"


def cause_words(cause: object) -> str:
    """An `error` of an answer in words, with the innermost reason: one line of at most 500 characters."""
    if not isinstance(cause, Mapping):
        return _line(str(cause or ""))
    words = f"{cause.get('type', 'error')}: {cause.get('reason', '')}"
    inner: Any = cause.get("caused_by") or next(iter(_roots(cause)), None)
    while isinstance(inner, Mapping):
        said = str(inner.get("reason", ""))
        words, inner = words if said in words else f"{words}: {said}", inner.get("caused_by")
    return _line(words)


def wants_less(error: ApiError) -> bool:
    """Whether the server's memory is too small for the answer that was asked for, now and later."""
    cause = error.body.get("error") if isinstance(error.body, Mapping) else None
    return isinstance(cause, Mapping) and any(root.get("durability") == "PERMANENT" for root in _roots(cause))


def _roots(cause: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What went wrong shard by shard, where the error itself only says that all of them failed."""
    return list(cause.get("root_cause", ()))


def _line(words: str) -> str:
    return " ".join(words.split())[:500]


def _api_key(settings: ElasticsearchSettings) -> str | None:
    if settings.api_key_file is None:
        return _one_word("api_key", settings.api_key.get_secret_value()) if settings.api_key else None
    file = settings.api_key_file
    try:
        key = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError([f"elasticsearch.api_key_file: {file} cannot be read ({why}); put the key in it"]) from None
    if not key.strip():
        raise ConfigError([f"elasticsearch.api_key_file: {file} is empty; put the key in it"])
    return _one_word("api_key_file", key)


def _one_word(setting: str, text: str) -> str:
    """A key as it goes into a header. What is none is never shown: it may hold one."""
    if not (word := text.strip()).isascii() or not word.isprintable() or " " in word:
        raise ConfigError([f"elasticsearch.{setting}: is no key; give the word `encoded` of the answer that made it"])
    return word


def _tls(settings: ElasticsearchSettings) -> dict[str, Any]:
    """The client's options for https; it refuses them for http."""
    if not settings.url.startswith("https://"):
        return {}
    options = {"verify_certs": settings.verify_tls, "ssl_show_warn": False}
    if settings.ca_certs is None:
        return options
    try:
        ssl.create_default_context(cafile=settings.ca_certs)
    except ssl.SSLError:
        why = "holds no certificate"
    except OSError as error:
        why = f"cannot be read ({error.strerror})"
    else:
        return options | {"ca_certs": str(settings.ca_certs)}
    raise ConfigError([f"elasticsearch.ca_certs: {settings.ca_certs} {why}; name a PEM file"])


def _where(client: Elasticsearch, operation: str) -> str:
    return f"Elasticsearch at {url(client)} was asked to {operation}"


def _unanswered(error: TransportError, where: str) -> ServiceError:
    if isinstance(error, TlsError):
        why = OPENSSL_NOISE.sub("", error.message).strip()
        plain = "; what answers there speaks no TLS: is it http://?" if "wrong version number" in why.lower() else ""
        return Refused(f"{where}, but TLS failed ({why}): check elasticsearch.url and elasticsearch.ca_certs{plain}")
    if isinstance(error, ConnectionTimeout):
        return Unavailable(f"{where} and did not answer in time: ask again, or raise elasticsearch.request_timeout_s")
    return Unavailable(
        f"{where}, but cannot be reached: check that it runs and that elasticsearch.url is right, http or https too"
    )


def _answered(error: ApiError, where: str) -> ServiceError:
    if isinstance(error, UnsupportedProductError):
        return Refused(f"{where}, but what answers is not Elasticsearch: check elasticsearch.url")
    if isinstance(error, AuthenticationException):
        return Refused(f"{where} and does not know us (401): check elasticsearch.api_key")
    if isinstance(error, AuthorizationException):
        return Refused(f"{where} and forbids it (403, {reason(error)}): give the key that privilege")
    if error.status_code in TRANSIENT:
        return Unavailable(f"{where} and cannot now ({error.status_code}, {reason(error)}): ask again later")
    if isinstance(error, NotFoundError):
        return Refused(f"{where}, but it is not there (404, {reason(error)}): run `siem-anomaly init`")
    return Refused(f"{where} and refuses ({error.status_code}, {reason(error)}): check the settings")


def _numbers(version: str) -> tuple[int, ...]:
    """`8.19.8-SNAPSHOT` as (8, 19, 8)."""
    return tuple(int(part) for part in version.partition("-")[0].split(".") if part.isdecimal())
