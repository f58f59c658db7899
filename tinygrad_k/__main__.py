"""``python -m tinygrad_k`` prints what ``tk.show_config()`` prints."""

from .backend import show_config

show_config()
