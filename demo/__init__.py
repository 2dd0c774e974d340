"""A network of nodes on this machine, to watch: what `python3 dev.py network` runs."""
