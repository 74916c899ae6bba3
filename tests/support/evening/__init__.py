"""An evening in a restaurant, by chance: guests, staff, phones, screens, duty and a clock that is stepped.

`machine` acts on the product and knows what is so; `contract` says what the product must have made of it.
"""

from tests.support.evening import calls, people  # noqa: F401 (they register their acts)
