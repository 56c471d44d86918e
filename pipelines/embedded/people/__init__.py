"""A person as a code, drawn in a view: the coarse picture that tells the denoiser where things are. NumPy only."""
