"""Loss functions: pure, tensors in, a scalar out, computed in float32 or better. Methods and GANs of any plugin may use them."""
