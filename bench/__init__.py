"""Measurements of the product against its limit and its peers: `python -m bench --help`. Nothing here is installed with it."""
