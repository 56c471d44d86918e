"""The calls about pictures: uploads, and files by the asset's id."""
