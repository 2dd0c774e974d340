"""What an operator reads this node by: logs, health, metrics."""
