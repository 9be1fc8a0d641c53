"""Speed and memory, printed and written to var/bench.json. Not tests: machines differ; the goals say what is wanted."""
