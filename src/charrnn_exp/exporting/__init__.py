"""A trained model as a file that other libraries read, without this package."""
