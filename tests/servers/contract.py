"""Holds what really goes over the wire against a vendor's published OpenAPI document.

The requests that clients in this process send (by `requests` or `httpx`) and the replies they get
are both validated, so that neither our client nor our stand-in server strays from the contract.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import httpx
import requests
from openapi_core import OpenAPI
from openapi_core.configurations import Config
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

_METHODS = ("get", "put", "post", "delete", "patch")


class _Request:
    """A request as openapi-core reads it; `parameters.path` is filled in by that."""

    def __init__(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None):
        parts = urlsplit(url)
        self.method, self.path, self.body = method.lower(), parts.path, body
        self.host_url = f"{parts.scheme}://{parts.netloc}"
        self.content_type = headers.get("Content-Type", "")
        self.query = parse_qsl(parts.query, keep_blank_values=True)
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(self.query), header=Headers(dict(headers))
        )


@dataclass(frozen=True)
class _Response:
    status_code: int
    got: Mapping[str, str]
    data: bytes

    @property
    def content_type(self) -> str:
        return self.got.get("Content-Type", "")

    @property
    def headers(self) -> Headers:
        return Headers(dict(self.got))


@dataclass
class Contract:
    """`with contract.watching(server.url): ...`, then `findings` must be empty.

    `allowed` maps a pattern of a finding that is let pass to the reason why; `prefix` is what
    stands before the paths of the document; `used` are the operations that were called.
    """

    document: dict[str, Any]
    allowed: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    findings: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, path: Path, allowed: Mapping[str, str], prefix: str = "") -> Contract:
        return cls(json.loads(path.read_text("utf-8")), allowed, prefix)

    @contextmanager
    def watching(self, base: str) -> Iterator[Contract]:
        """Validates all that goes to `base` while it is open."""
        document = {**self.document, "servers": [{"url": base + self.prefix}]}
        # The documents are large and the vendor's own; checking them each time takes minutes.
        reader = OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))
        send, handle = requests.adapters.HTTPAdapter.send, httpx.HTTPTransport.handle_request

        def by_requests(adapter: Any, request: Any, *rest: Any, **more: Any) -> Any:
            answer = send(adapter, request, *rest, **more)
            if request.url.startswith(base):
                body = request.body.encode() if isinstance(request.body, str) else request.body
                asked = _Request(request.method, request.url, request.headers, body)
                got = _Response(answer.status_code, answer.headers, answer.content)
                self._compare(reader, asked, got)
            return answer

        def by_httpx(transport: Any, request: Any) -> Any:
            answer = handle(transport, request)
            if str(request.url).startswith(base):
                answer.read()
                body = request.read() or None
                asked = _Request(request.method, str(request.url), request.headers, body)
                got = _Response(answer.status_code, answer.headers, answer.content)
                self._compare(reader, asked, got)
            return answer

        with (
            patch.object(requests.adapters.HTTPAdapter, "send", by_requests),
            patch.object(httpx.HTTPTransport, "handle_request", by_httpx),
        ):
            yield self

    def _compare(self, reader: OpenAPI, asked: _Request, got: _Response) -> None:
        name = f"{asked.method.upper()} {asked.path}"
        try:
            reader.validate_request(asked)
        except OpenAPIError as error:
            self._note(f"request {name}", _reasons(error))
        template, operation = self._operation(asked)
        self.used.add(f"{asked.method.upper()} {template}")
        known = {p["name"] for p in operation.get("parameters", ()) if p.get("in") == "query"}
        unknown = {n for n, _ in asked.query} - known
        self._note(
            f"request {name}", [f"the parameter {n!r} is not in the contract" for n in unknown]
        )
        try:
            reader.validate_response(asked, got)
        except OpenAPIError as error:
            self._note(f"reply {got.status_code} to {name}", _reasons(error))

    def _operation(self, asked: _Request) -> tuple[str, dict[str, Any]]:
        path = asked.path.partition(self.prefix)[2] if self.prefix else asked.path
        for template in sorted(self.document["paths"], key=lambda t: t.count("{")):
            pattern = re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path):
                return template, self.document["paths"][template].get(asked.method, {})
        return path, {}

    def _note(self, where: str, reasons: list[str]) -> None:
        for finding in (f"{where}: {reason}" for reason in reasons):
            if not any(re.search(pattern, finding) for pattern in self.allowed):
                self.findings.append(finding)


def with_long_paths(document: dict[str, Any], name: str, segments: int) -> dict[str, Any]:
    """The document with its path parameter `name` matching up to that many segments, which
    OpenAPI cannot say (a file's path, a branch's name)."""
    document = copy.deepcopy(document)
    for template in [t for t in document["paths"] if f"{{{name}}}" in t]:
        for count in range(2, segments + 1):
            names = [name, *(f"{name}_{i}" for i in range(2, count + 1))]
            path = template.replace(f"{{{name}}}", "/".join(f"{{{n}}}" for n in names))
            item = copy.deepcopy(document["paths"][template])
            for method in _METHODS:
                more = [
                    {"in": "path", "name": n, "required": True, "schema": {"type": "string"}}
                    for n in names[1:]
                ]
                if method in item:
                    item[method]["parameters"] = [*item[method].get("parameters", []), *more]
            document["paths"][path] = item
    return document


def _reasons(error: BaseException) -> list[str]:
    """What is wrong, each thing by itself: of nested errors only the innermost say it."""
    inner = [e.message for e in getattr(error, "schema_errors", ())]
    cause = error.__cause__ or error.__context__
    if not inner and cause is not None:
        inner = _reasons(cause)
    return inner or [str(error).partition("\n")[0][:300]]
