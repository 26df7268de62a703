"""Which of the user's variables programs of a run see unasked: what it takes to reach the network.

Behind a company's proxy nothing can be installed or fetched without its certificates and its
package index. Owns the list; what of their values is secret is `redaction`'s to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_BOTH_CASES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
_CERTIFICATES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "NODE_USE_SYSTEM_CA",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "DENO_CERT",
    "AWS_CA_BUNDLE",
    "SYSTEM_CERTIFICATE_PATH",
)
_INDEXES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_NO_INDEX",
    "PIP_TRUSTED_HOST",
    "PIP_CONFIG_FILE",
    "PIP_PROXY",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_FIND_LINKS",
    "UV_NATIVE_TLS",
    "UV_SYSTEM_CERTS",
    "UV_INSECURE_HOST",
    "UV_CONFIG_FILE",
    "YARN_NPM_REGISTRY_SERVER",
    "GOPROXY",
    "GOSUMDB",
    "GONOSUMDB",
    "GOPRIVATE",
    "GOINSECURE",
    "MAVEN_ARGS",
    "RUBYGEMS_HOST",
    "BUNDLE_MIRROR__ALL",
)
NAMES = frozenset({*_BOTH_CASES, *map(str.upper, _BOTH_CASES), *_CERTIFICATES, *_INDEXES, "TZ"})
_NPM = re.compile(
    r"npm_config_(registry|userconfig|globalconfig|cafile|ca|strict_ssl|proxy|https_proxy|noproxy"
    r"|.*_authtoken|_auth|_authtoken|_password|.*:registry|@.*)",
    re.IGNORECASE,
)
_UV_CREDENTIALS = re.compile(r"UV_INDEX_.+_(USERNAME|PASSWORD)")


def is_passed_on(name: str) -> bool:
    """Whether programs see this variable of the user's without a word in the mission."""
    return bool(name in NAMES or _NPM.fullmatch(name) or _UV_CREDENTIALS.fullmatch(name))


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """Of `environment`, the user's, what programs see unasked."""
    return {name: value for name, value in environment.items() if is_passed_on(name)}
