"""Signed values of the guest's page: the form field with its idempotency key, and the receipt of a phone's calls."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bson import ObjectId
from flask import request
from flask_babel import gettext as _
from itsdangerous import BadData

from waitercaller.db import clock
from waitercaller.model.tables import Table
from waitercaller.model.tokens import serializer
from waitercaller.web.errors import DomainError

PAGE_LIFETIME = timedelta(hours=6)  # a page left open overnight must not call for the next guests
RENEWED_AFTER = timedelta(hours=1)  # a page whose stream is open, as of a tablet on a table, gets a new field


class Receipt(NamedTuple):
    """What a phone that called holds: its id (see phone_id) and the ids of requests it may follow, newest first."""

    phone: str
    held: list[ObjectId]


NO_RECEIPT = Receipt("", [])


def sign_form(table: Table) -> str:
    """The page's hidden form field: table id, random idempotency key, time of issue in milliseconds."""
    issued = clock.milliseconds(clock.now())
    return str(serializer("guest-form").dumps([str(table["_id"]), secrets.token_urlsafe(12), issued]))


def key_of_form(table: Table) -> str:
    """The idempotency key of the submitted form. Raises DomainError for another table's or an expired field."""
    try:
        table_id, key, issued = _form_field()
    except (BadData, ValueError):
        raise DomainError(_("This page could not be read. Please scan the code on your table again."), 400) from None
    if table_id != str(table["_id"]) or clock.now() - issued > PAGE_LIFETIME:
        raise DomainError(_("This page was open for too long. Please scan the code on your table again."))
    return key


def page_of_form(table: Table) -> tuple[str, datetime | None]:
    """The key of the form field that is sent with this HTTP request, and its issue; "" and None if it cannot call."""
    try:
        table_id, key, issued = _form_field()
    except (BadData, ValueError):
        return "", None
    is_good = table_id == str(table["_id"]) and clock.now() - issued <= PAGE_LIFETIME
    return (key, issued) if is_good else ("", None)


def _form_field() -> tuple[str, str, datetime]:
    """The id of the table, the idempotency key and the time of issue in the form field."""
    table_id, key, issued = serializer("guest-form").loads(request.values.get("form", ""))
    return table_id, key, datetime.fromtimestamp(issued / 1000, UTC)


def sign_receipt(table: Table, receipt: Receipt) -> str | None:
    """The signed receipt, valid for this table only; it permits to follow, cancel and reopen these requests."""
    if not receipt.held:
        return None
    held = [str(each) for each in receipt.held]
    return str(serializer("guest-receipt").dumps([str(table["_id"]), receipt.phone, held]))


def read_receipt(table: Table) -> Receipt:
    """The receipt sent with this HTTP request; empty when missing, forged or another table's."""
    try:
        table_id, phone, held = serializer("guest-receipt").loads(request.values.get("r", ""))
    except (BadData, ValueError):
        return NO_RECEIPT
    return Receipt(phone, [ObjectId(each) for each in held]) if table_id == str(table["_id"]) else NO_RECEIPT
