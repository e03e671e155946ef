"""Text as few bytes and back: an arithmetic coder driven by a trained model."""
