# SPDX-License-Identifier: Apache-2.0
"""Waiting on conditions; tests never sleep for a fixed time and hope."""
import time

# Seconds until what should come counts as failed: long, because a machine may be busy with much else;
# nothing waits for it in vain but a test that fails.
PATIENCE = 30.0


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
