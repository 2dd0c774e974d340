"""What this node does with the chain. Everything that writes to the database is on this floor."""
