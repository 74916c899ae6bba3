"""Imported by each Python process that a moved test run starts (tests/support/timeshift): moves its clock as well."""

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["TEST_CLOCK_OFFSET"]), tick=True).start()
