"""References: hostile until checked. A URL is guarded, its bytes are fetched, and the picture is decoded."""
