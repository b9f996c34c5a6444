"""The process: command line, settings, wiring, event handlers, lifecycle."""
