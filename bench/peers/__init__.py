"""This worker beside other ways to serve a model: cog, LitServe, runpod's SDK and a plain Celery task."""
