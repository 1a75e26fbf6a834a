"""What is kept of files, and given away as files: collections, waiting files, remembered mappings, exports."""
