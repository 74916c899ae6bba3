"""The application package; `create_app` wires its parts."""

from flask import Flask

from config import Config
from waitercaller import auth, cli, notifications, operators, ops, report, requests, settings, site, staff, tables
from waitercaller.auth import account, two_factor
from waitercaller.db import client
from waitercaller.live.hub import Hub
from waitercaller.mail import outbox
from waitercaller.model import presence
from waitercaller.site import static_files
from waitercaller.web import access, analytics, denials, errors, languages, open_streams, proxies, routing, security


def create_app(config: Config) -> Flask:
    """Create the Flask application. Starts no thread and does not access the database."""
    app = Flask(__name__, template_folder="../templates", static_folder=None)
    app.config.from_mapping(config.flask_settings())
    app.extensions["config"] = config
    app.extensions["hub"] = Hub()

    # In the order in which their hooks run: streams are refused before anybody's login is read.
    for part in (ops, routing, client, languages, security, open_streams, access, outbox, presence, errors, denials):
        part.init_app(app)
    for part in (static_files, cli, analytics, proxies):
        part.init_app(app)
    rooms = (ops, site, auth, account, two_factor, tables, staff, requests, notifications, report, settings, operators)
    for room in rooms:
        app.register_blueprint(room.blueprint)

    access.check_routes(app)
    return app
