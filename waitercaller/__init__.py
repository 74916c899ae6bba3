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
    requests,
    routing,
    security,
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

    ops.init_app(app)
    routing.init_app(app)
    db.init_app(app)
    i18n.init_app(app)
    security.init_app(app)
    access.init_app(app)
    mail.init_app(app)
    errors.init_app(app)
    denials.init_app(app)
    assets.init_app(app)
    cli.init_app(app)
    analytics.init_app(app)

    app.register_blueprint(ops.blueprint)
    app.register_blueprint(wellknown.blueprint)
    app.register_blueprint(auth.blueprint)
    app.register_blueprint(account.blueprint)
    app.register_blueprint(two_factor.blueprint)
    app.register_blueprint(tables.blueprint)
    app.register_blueprint(staff.blueprint)
    app.register_blueprint(requests.blueprint)

    access.check_routes(app)
    return app
