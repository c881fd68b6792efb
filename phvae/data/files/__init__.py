"""Files of data: finding, fetching, unpacking, reading."""
