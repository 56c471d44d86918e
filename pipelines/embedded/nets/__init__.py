"""The networks. They need torch and diffusers only, so that `pipelines` can take them over once trained."""
