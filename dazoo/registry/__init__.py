"""Who is there, and what they are called: names, the plugins that bring them, and the registries that hold them."""
