"""Waiter Caller: a guest scans the code on the table, taps once, and a waiter comes."""

from flask import Flask

from config import Config
from waitercaller import (
    access,
    account,
    analytics,
    assets,
    auth,
    cli,
    db,
    denials,
    errors,
    i18n,
    mail,
    ops,
    presence,
    push,
    report,
    requests,
    routing,
    security,
    settings,
    staff,
    tables,
    two_factor,
    wellknown,
)
from waitercaller.live import Hub


def create_app(config: Config) -> Flask:
    """The application, wired and ready to serve. Starts no thread and asks nothing of the database."""
    app = Flask(__name__, template_folder="../templates", static_folder=None)
    app.config.from_mapping(config.flask_settings())
    app.extensions["config"] = config
    app.extensions["hub"] = Hub()

    for part in (ops, routing, db, i18n, security, access, mail, presence, errors, denials, assets, cli, analytics):
        part.init_app(app)
    for room in (ops, wellknown, auth, account, two_factor, tables, staff, requests, push, report, settings):
        app.register_blueprint(room.blueprint)

    access.check_routes(app)
    return app
