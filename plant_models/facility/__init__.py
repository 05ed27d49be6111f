"""A whole facility: what is wanted, how large its parts are, and the plant composed of them."""
