"""Benchmarks: what edge-agent costs on this machine, beside what the same work costs without it."""
