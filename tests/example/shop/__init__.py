"""A shop: a price list, a cart, and a simulation of how prices move."""
