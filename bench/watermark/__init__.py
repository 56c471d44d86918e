"""What our own watermark survives and costs, how often it is seen where there is none, and whether it moves the
likeness gate's scores. `python -m bench.watermark --help` says how to run it."""
