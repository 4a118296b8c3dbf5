# SPDX-License-Identifier: Apache-2.0
"""What a test needs and a machine may lack. Where CI is set nothing may be lacking: the test runs, and
fails by itself, rather than being left out unseen."""
import os
import shutil

import pytest

IN_CI = os.environ.get("CI", "") not in ("", "false")


def needs(program):
    """Marks a test that is left out where `program` is not installed."""
    return pytest.mark.skipif(not IN_CI and not shutil.which(program), reason=f"needs {program}")
