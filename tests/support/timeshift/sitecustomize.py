"""Imported at the start of every Python process of a time-shifted test run: shifts its clock (see the package)."""

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["TEST_CLOCK_OFFSET"]), tick=True).start()
