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

MAX_HELD_REQUESTS = 6  # in one phone's receipt


class Receipt(NamedTuple):
    """What a phone that called holds: its id (see phone_id) and the ids of requests it may follow, newest first."""

    phone: str
    held: list[ObjectId]


NO_RECEIPT = Receipt("", [])


class FormField(NamedTuple):
    """What the page's hidden form field says: `phone` is the id that the page's stream knows the phone by, or empty."""

    table_id: str
    key: str
    issued: datetime
    phone: str


def sign_form(table: Table, phone: str) -> str:
    """The page's hidden form field: table id, random idempotency key, time of issue in milliseconds, the phone's id."""
    issued = clock.milliseconds(clock.now())
    return str(serializer("guest-form").dumps([str(table["_id"]), secrets.token_urlsafe(12), issued, phone]))


def read_form(table: Table) -> FormField:
    """The submitted form field. Raises DomainError for another table's or an expired one."""
    try:
        field = _form_field()
    except (BadData, ValueError):
        raise DomainError(_("This page could not be read. Please scan the code on your table again."), 400) from None
    if not _is_good(field, table):
        raise DomainError(_("This page was open for too long. Please scan the code on your table again."))
    return field


def form_of_stream(table: Table) -> FormField | None:
    """The form field of the page that opens a stream; None if it is not good for a call."""
    try:
        field = _form_field()
    except (BadData, ValueError):
        return None
    return field if _is_good(field, table) else None


def _is_good(field: FormField, table: Table) -> bool:
    return field.table_id == str(table["_id"]) and clock.now() - field.issued <= PAGE_LIFETIME


def _form_field() -> FormField:
    # A page that outlived a deployment may not name the phone.
    table_id, key, issued, *phone = serializer("guest-form").loads(request.values.get("form", ""))
    return FormField(table_id, key, datetime.fromtimestamp(issued / 1000, UTC), "".join(phone))


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
