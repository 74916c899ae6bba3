"""The parts of addresses: ids and table codes, and paths built where no request is."""

from bson import ObjectId
from flask import Flask, current_app
from werkzeug.routing import BaseConverter

from waitercaller.db.config import config


class ObjectIdConverter(BaseConverter):
    """Ids of documents; what has not their form is not found."""

    regex = "[0-9a-f]{24}"

    def to_python(self, value: str) -> ObjectId:
        return ObjectId(value)


class CodeConverter(BaseConverter):
    """Table codes: 128 bits in base 32, upper case; typed by hand they may be lower case."""

    regex = "[A-Za-z2-7]{26}"

    def to_python(self, value: str) -> str:
        return value.upper()


def init_app(app: Flask) -> None:
    app.url_map.converters["objectid"] = ObjectIdConverter
    app.url_map.converters["code"] = CodeConverter
    app.jinja_env.globals["path_for"] = path_for


def address_of(endpoint: str, **values: object) -> str:
    """The whole address of a route, for mails and codes: under the configured PUBLIC_URL, whatever the request says."""
    return config().public_url + path_for(endpoint, **values)


def path_for(endpoint: str, **values: object) -> str:
    """The path of a route, also where no request is (event streams) or none that can be trusted (an unknown host)."""
    current_app.inject_url_defaults(endpoint, values)
    return current_app.url_map.bind("localhost").build(endpoint, values)
