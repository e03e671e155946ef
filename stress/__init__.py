"""What goes wrong in real life, done on purpose and counted: `make stress`."""
