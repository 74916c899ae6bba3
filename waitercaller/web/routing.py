"""URL converters for ids and table codes; URLs built outside of an HTTP request; which URLs are of this site."""

from urllib.parse import urlsplit

from bson import ObjectId
from flask import Flask, current_app, request
from werkzeug.routing import BaseConverter, ValidationError

from waitercaller.db.config import config
from waitercaller.model import tables, typed_codes


class ObjectIdConverter(BaseConverter):
    """Ids of documents; anything else does not match, hence 404."""

    regex = "[0-9a-f]{24}"

    def to_python(self, value: str) -> ObjectId:
        return ObjectId(value)


class CodeConverter(BaseConverter):
    """Table codes: 128 bits in base 32, also as they are typed: in lower case, in groups, in other scripts' digits."""

    regex = ".{26,60}"

    def to_python(self, value: str) -> str:
        code = typed_codes.normalised(value)
        if not tables.CODE.fullmatch(code):
            raise ValidationError
        return code


class ShortCodeConverter(BaseConverter):
    """The beginning of a table's code, as typed from a card; digits that no code has are the letters like them."""

    regex = ".{10,25}"

    def to_python(self, value: str) -> str:
        short = typed_codes.normalised(value).translate(str.maketrans("018", "OIB"))
        if not tables.SHORT_CODE.fullmatch(short):
            raise ValidationError
        return short


def init_app(app: Flask) -> None:
    app.url_map.converters["objectid"] = ObjectIdConverter
    app.url_map.converters["code"] = CodeConverter
    app.url_map.converters["shortcode"] = ShortCodeConverter
    app.jinja_env.globals["path_for"] = path_for
    app.jinja_env.globals["is_for_this_computer"] = is_for_this_computer


def is_for_guests() -> bool:
    """Whether this HTTP request is for a table's address, known or not."""
    return f"{request.path.casefold()}/".startswith("/t/")


def address_of(endpoint: str, **values: object) -> str:
    """The absolute URL of a route for mails and QR codes: from PUBLIC_URL, never from the Host header."""
    return config().public_url + path_for(endpoint, **values)


def is_for_this_computer() -> bool:
    """Whether PUBLIC_URL is a loopback address, as of `make run`: no phone can open the codes."""
    host = urlsplit(config().public_url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def path_for(endpoint: str, **values: object) -> str:
    """The path of a route; works without a request context (event streams) and with an untrusted Host header."""
    current_app.inject_url_defaults(endpoint, values)
    return current_app.url_map.bind("localhost").build(endpoint, values)


def safe_next(target: str | None) -> str | None:
    """`target` if it is a path on this site, else None. Browsers read `//evil` and `/\\evil` as other hosts."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    return None if any(ord(character) < 32 for character in target) else target
