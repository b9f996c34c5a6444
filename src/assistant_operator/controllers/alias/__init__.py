"""The version that an alias stands for, its moves and its status."""
