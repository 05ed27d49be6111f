"""What is on the other end of a wire."""
