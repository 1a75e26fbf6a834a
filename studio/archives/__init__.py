"""A run as one file that another studio reads: packed, unpacked with care, and no pickle in it."""
