"""What leads outside by a URL that somebody else wrote."""
