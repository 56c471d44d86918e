"""The page for people that the API serves at `/`: plain files, which call the API like any client."""
