"""From engineering values to bytes and back."""
