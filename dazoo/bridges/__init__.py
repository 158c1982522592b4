"""How a GAN helps a classifier. The core's bridges are registered by `dazoo.bridges.plugin`, as a stranger's are."""
