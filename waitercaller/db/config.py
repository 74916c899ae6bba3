"""The way to the configuration, for whoever has an application."""

from typing import cast

from flask import Flask, current_app

from config import Config


def config(app: Flask = current_app) -> Config:
    """The frozen configuration of this application; without `app`, of the one whose context this is."""
    return cast(Config, app.extensions["config"])
