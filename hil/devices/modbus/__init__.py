"""A Modbus TCP device: its connection and conversation, what is read and written in a cycle, what it refuses."""
