"""What is wrong with settings, in words."""
