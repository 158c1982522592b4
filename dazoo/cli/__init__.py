"""The command line: one small module for each command, put together in `app` and run by `main`."""
