"""`likeness api`."""


def run() -> None:
    """Serve until SIGTERM, with the settings of the environment."""
    from api.server import serve
    from api.settings import api_settings
    from worker.settings import settings

    serve(settings(), api_settings())
