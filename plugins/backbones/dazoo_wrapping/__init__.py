"""What the plugins share that wrap a library of networks (timm, torchvision); a module of theirs, and no plugin itself."""
