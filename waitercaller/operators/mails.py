"""The test mail."""

from typing import Any

from waitercaller.mail import outbox
from waitercaller.web.routing import address_of


@outbox.prepares("operator_test")
def operator_test(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """Leads back to the page it was asked for on."""
    return outbox.Prepared("operator_test", {"link": address_of("operators.index")})
