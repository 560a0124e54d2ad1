"""Serves a comparator as `lms-graph serve` serves the product: `python -m bench.serving bench.limit 8001`."""

import sys
from importlib import import_module

import uvicorn

if __name__ == "__main__":
    uvicorn.run(import_module(sys.argv[1]).app, port=int(sys.argv[2]), log_config=None)
