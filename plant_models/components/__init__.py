"""Components to compose plants from; each is made by the function of its name."""
