"""Answers: one message, one function, one transaction; a module per aggregate."""
