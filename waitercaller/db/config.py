"""Typed access to the configuration of a Flask application."""

from typing import cast

from flask import Flask, current_app

from config import Config


def config(app: Flask = current_app) -> Config:
    """The configuration of `app`, by default of the current application."""
    return cast(Config, app.extensions["config"])
