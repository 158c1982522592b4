"""What the loggers of this distribution share."""
