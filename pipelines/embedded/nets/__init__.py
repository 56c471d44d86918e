"""The networks of the profile `embedded`. They need torch and diffusers only."""
