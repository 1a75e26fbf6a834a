"""Tuners that peft lacks or has otherwise, made known to it, so that they are saved and loaded like its own."""
