"""The verbs, one a file: each takes the words after it and returns nothing, or raises a CharRNNError."""
