"""The network: ids and states in, logits and states out."""
