"""What `manage.py watch` is made of: answers read, a node followed, a picture drawn."""
