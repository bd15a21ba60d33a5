"""Faust as its documentation would have it: an agent that takes events one by one and sends each result."""
