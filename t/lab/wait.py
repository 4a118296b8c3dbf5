# SPDX-License-Identifier: Apache-2.0
"""Waiting on conditions; tests never sleep for a fixed time and hope."""
import time

PATIENCE = 10.0  # seconds until a condition that should come true counts as failed


def until(condition, what="condition", seconds=PATIENCE):
    """Returns the first true value of condition(); AssertionError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"still not so after {seconds} s: {what}")
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
