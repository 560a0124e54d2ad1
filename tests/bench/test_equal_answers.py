"""What the bench compares is the same work: its comparators give the answers that the product gives."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_comparators_answer_as_the_product_does() -> None:
    """In a process of its own, on servers of its own. PostGraphile, which npm would have to fetch, is left to the bench."""
    done = subprocess.run([sys.executable, "-m", "bench", "answers", "--quick"], cwd=ROOT, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "answer alike" in done.stdout
