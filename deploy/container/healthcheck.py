"""The container's health: exits with 0 if /readyz on this port answers that it is ready."""

import os
import sys
import urllib.request

host = os.environ["TRUSTED_HOSTS"].partition(",")[0]  # any other gets a 400
address = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/readyz"
try:
    with urllib.request.urlopen(urllib.request.Request(address, headers={"Host": host}), timeout=5):
        pass
except OSError as error:
    sys.exit(f"{address}: {error}")
