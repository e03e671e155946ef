"""The filters of the sampler, one a file: they import no TensorFlow before they are used."""
