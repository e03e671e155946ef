"""What hears the events of the training loop, one concern a file."""
