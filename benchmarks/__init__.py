"""How fast CheapPy is, beside the bare driver and what one would use instead.

``scripts/bench --help`` says how to run them, ``docs/benchmarks.md`` what they measure.
"""
