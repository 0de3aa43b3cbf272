"""Where the build put what the benchmarks run."""

import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
MEMSCOPE = os.path.join(BUILD, "memscope-top")
WORKLOADS = os.path.join(BUILD, "tests/bench/workloads")
MEASURE = os.path.join(BUILD, "tests/bench/measure")
E2E = os.path.join(BUILD, "tests/e2e")
GONE = os.path.join(ROOT, "tests/bench/gone.py")
